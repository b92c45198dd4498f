import { configurationText } from './configuration-text.ts';
import type { Entry, RaftBatch, RaftMessage, RaftStatus } from '../../src/node/index.ts';

function place(index: number, term: number): string {
  return `${index}.${term}`;
}

function entryText({ index, term, configuration }: Entry): string {
  return place(index, term) + (configuration === undefined ? '' : `{${configurationText(configuration)}}`);
}

function entriesText(entries: readonly Entry[]): string {
  return `[${entries.map(entryText).join(' ')}]`;
}

/** `index.term` for places in the log; fields that say nothing are left out. */
export function messageText(m: RaftMessage): string {
  const head = `${m.type}>${m.to} t${m.term}`;
  switch (m.type) {
    case 'preVoteRequest':
      return `${head} last ${place(m.lastIndex, m.lastTerm)}`;
    case 'voteRequest':
      return `${head} last ${place(m.lastIndex, m.lastTerm)}${m.transfer ? ' transfer' : ''}`;
    case 'preVoteReply':
    case 'voteReply':
      return `${head} ${m.granted ? 'yes' : 'no'}`;
    case 'append':
      return `${head} after ${place(m.previousIndex, m.previousTerm)} ${entriesText(m.entries)} commit ${m.commitIndex}`;
    case 'appendReply': {
      const standing = m.standing === 'voter' ? '' : ' abstaining';
      if (m.reject === null) return `${head} match ${m.matchIndex}${standing}`;
      const { previousIndex, hintIndex, hintTerm } = m.reject;
      return `${head} not after ${previousIndex}, try ${place(hintIndex, hintTerm)}${standing}`;
    }
    case 'heartbeat':
      return `${head} round ${m.round} commit ${m.commitIndex}${m.admitIndex === null ? '' : ` admit ${m.admitIndex}`}${m.releasedIndex > 0 ? ` release ${m.releasedIndex}` : ''}`;
    case 'heartbeatReply':
      return `${head} round ${m.round}${m.standing === 'voter' ? '' : ' abstaining'}`;
    case 'timeoutNow':
      return head;
    case 'shape':
      return `${head} ${place(m.index, m.shapeTerm)} {${configurationText(m.configuration.configuration)}}`;
  }
}

export function batchLines(id: string, batch: RaftBatch, commitBefore: number): string[] {
  const lines: string[] = [];
  const say = (text: string): void => void lines.push(`${id}: ${text}`);
  for (const message of batch.sendNow) say(`send ${messageText(message)}`);
  if (batch.install !== null) {
    const { index, term, shape, configuration } = batch.install;
    say(`install ${place(index, term)} {${configurationText(configuration.configuration)}}${shape ? ' shape' : ''}`);
  }
  const hardState = batch.persist?.hardState;
  if (hardState) say(`write term ${hardState.term} vote ${hardState.votedFor ?? '-'} ${hardState.standing}`);
  if (batch.persist !== null && batch.persist.entries.length > 0) say(`write ${entriesText(batch.persist.entries)}`);
  for (const message of batch.sendAfterPersist) say(`then ${messageText(message)}`);
  for (const { peer, from, to } of batch.reads) say(`read ${from}-${to} for ${peer}`);
  for (const peer of batch.sendSnapshots) say(`snapshot for ${peer}`);
  for (const { context, index } of batch.readsConfirmed)
    say(index === null ? `refuse read ${context}` : `answer read ${context} at ${index}`);
  if (batch.release !== null) say(`release ${batch.release}`);
  if (batch.configuration !== null) say(`members ${configurationText(batch.configuration)}`);
  if (batch.commitIndex > commitBefore) say(`commit ${batch.commitIndex}`);
  return lines;
}

export function statusLine(status: RaftStatus, serving: boolean): string {
  const { id, role, term, leader, standing, commitIndex, lastIndex, persistedIndex, peers } = status;
  const what = [
    `${id}: ${role}${serving ? ' serving' : ''}${standing === 'voter' ? '' : ' abstaining'}`,
    `term ${term}`,
  ];
  what.push(`leader ${leader ?? '-'}`, `last ${lastIndex} disk ${persistedIndex} commit ${commitIndex}`);
  for (const peer of peers)
    what.push(
      `${peer.id} ${peer.state} ${peer.matchIndex}${peer.alive ? '' : ' silent'}${peer.standing === 'voter' ? '' : ' abstaining'}`,
    );
  return what.join(', ');
}
