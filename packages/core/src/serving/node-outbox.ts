import type { NodeMessage, SessionKey } from '../stream/messages.ts';

/** Of one message with commands, so that none gets too long for the way to the master. */
const proposeBytesMax = 1024 * 1024;

/** What the master is to be told, in order. While it is closed, what is put in is dropped: the next attachment says it anew. */
export class NodeOutbox {
  /** The master takes numbers and consumers: `attach` stands before what is put in. */
  isOpen = false;
  #messages: NodeMessage[] = [];
  /** Of the last message, which more commands may join. */
  #commands: Uint8Array[] | null = null;
  #sessions: SessionKey[] = [];
  #commandBytes = 0;

  send(message: NodeMessage): void {
    if (!this.isOpen) return;
    this.#commands = null;
    this.#messages.push(message);
  }

  /** The command of the next number joins the last message, if that takes it. What that says to be `over` holds for it as well. */
  join(command: Uint8Array, session: SessionKey): boolean {
    if (this.#commands === null || this.#commandBytes + command.length > proposeBytesMax) return false;
    this.#commands.push(command);
    this.#sessions.push(session);
    this.#commandBytes += command.length;
    return true;
  }

  /** Begins a message, which others may join. */
  propose(number: number, over: number, command: Uint8Array, session: SessionKey): void {
    if (!this.isOpen) return;
    this.#commands = [command];
    this.#sessions = [session];
    this.#commandBytes = command.length;
    this.#messages.push({ type: 'propose', number, over, commands: this.#commands, sessions: this.#sessions });
  }

  /** Begins a way to the master, with that message. */
  begin(isOpen: boolean, message: NodeMessage): void {
    this.isOpen = isOpen;
    this.#commands = null;
    this.#messages.push(message);
  }

  close(): void {
    this.isOpen = false;
    this.#commands = null;
    this.#messages = [];
  }

  take(): NodeMessage[] {
    const messages = this.#messages;
    if (messages.length === 0) return messages;
    this.#messages = [];
    this.#commands = null;
    return messages;
  }
}
