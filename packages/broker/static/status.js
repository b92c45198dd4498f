// The status page: asks this node every second, and shows what it answers. All text goes in as text, never as markup.
const REFRESH_MS = 1000;
const QUEUES_SHOWN = 200;
const element = (id) => document.getElementById(id);

function row(cells) {
  const line = document.createElement('tr');
  for (const { text, kind } of cells) {
    const cell = document.createElement('td');
    cell.textContent = text === null || text === undefined ? '–' : String(text);
    if (kind) cell.className = kind;
    line.append(cell);
  }
  return line;
}

function showMembers(members, thisNode) {
  element('members').replaceChildren(
    ...members.map((member) =>
      row([
        { text: member.id === thisNode ? `${member.id} (this one)` : member.id },
        { text: member.role, kind: member.role === 'master' ? 'good' : '' },
        { text: member.address },
        { text: member.matchIndex, kind: 'number' },
        { text: member.lagEntries, kind: 'number' },
        { text: member.alive === null ? null : member.alive ? 'yes' : 'no', kind: member.alive === false ? 'bad' : '' },
      ]),
    ),
  );
}

function showQueues(queues, role) {
  const deepest = queues.toSorted((a, b) => b.depth - a.depth).slice(0, QUEUES_SHOWN);
  element('queues').replaceChildren(
    ...deepest.map((queue) =>
      row([
        { text: queue.name, kind: 'name' },
        { text: queue.depth, kind: 'number' },
        { text: queue.bytes, kind: 'number' },
        { text: role === 'master' ? queue.consumers : null, kind: 'number' },
        { text: role === 'master' ? queue.unsettled : null, kind: 'number' },
      ]),
    ),
  );
  const notes = [];
  if (queues.length === 0) notes.push('There are no queues yet: the first message or subscription makes one.');
  if (queues.length > QUEUES_SHOWN) notes.push(`The ${QUEUES_SHOWN} deepest of ${queues.length} queues.`);
  if (role !== 'master' && queues.length > 0) notes.push('Consumers are known to the master alone.');
  element('queues-note').textContent = notes.join(' ');
}

function showNode(status) {
  const facts = [
    ['Connections', status.connections],
    ['Term', status.term],
    ['Committed', `${status.commitIndex} of ${status.lastIndex} entries`],
    ['Clients connect to', status.failover],
    ['Version', status.version],
  ];
  element('node').replaceChildren(
    ...facts.flatMap(([name, value]) => {
      const term = document.createElement('dt');
      const description = document.createElement('dd');
      term.textContent = name;
      description.textContent = String(value);
      return [term, description];
    }),
  );
}

async function ask(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(5000) });
  const answer = await response.json();
  if (!response.ok && path !== '/readyz') throw new Error(answer.reason ?? `${path}: ${response.status}`);
  return answer;
}

function roleText({ role, master }) {
  if (role === 'master') return 'is the master';
  return master === null ? `is a ${role}, and knows no master` : `is a ${role} of ${master}`;
}

function summarise(text, kind) {
  const summary = element('summary');
  // Said again only when it changes, so that a screen reader doesn't repeat it every second.
  if (summary.textContent !== text) summary.textContent = text;
  summary.className = kind;
}

async function refresh() {
  try {
    const [status, queues, readiness] = await Promise.all([
      ask('/api/v1/status'),
      ask('/api/v1/queues'),
      ask('/readyz'),
    ]);
    element('broker').textContent = `broker ${status.broker}`;
    document.title = `${status.broker}/${status.node}: ${status.role}`;
    const state = readiness.ready ? 'ready for clients' : `not ready: ${readiness.reason}`;
    summarise(`Node ${status.node} ${roleText(status)}; ${state}.`, readiness.ready ? 'good' : 'bad');
    showMembers(status.members, status.node);
    showQueues(queues, status.role);
    showNode(status);
  } catch (error) {
    summarise(`This node does not answer as it should (${error.message}). What is below may be old.`, 'bad');
  }
  setTimeout(refresh, REFRESH_MS);
}

void refresh();
