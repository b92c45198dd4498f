import type { DurableWrite } from '../../node/index.ts';

export interface QueuedWrite {
  readonly write: DurableWrite;
  readonly done: () => void;
}

type QueueItem = QueuedWrite | { readonly task: () => Promise<void> };

/**
 * Group commit: while one group is on its way to the disk later writes gather, and the next group takes them all. Tasks take their turn
 * between the groups. After the first rejection nothing is run any more.
 */
export class WriteQueue {
  readonly #writeGroup: (group: readonly QueuedWrite[]) => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #items: QueueItem[] = [];
  #running = false;
  #failed = false;

  constructor(writeGroup: (group: readonly QueuedWrite[]) => Promise<void>, onFailure: (error: unknown) => void) {
    this.#writeGroup = writeGroup;
    this.#onFailure = onFailure;
  }

  addWrite(write: QueuedWrite): void {
    this.#add(write);
  }

  /** Rejects with what the task rejects with, and then all is over. */
  runTask(task: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failed) {
        reject(new Error('the storage has failed before'));
        return;
      }
      this.#add({
        task: async () => {
          try {
            await task();
          } catch (error) {
            reject(error);
            throw error;
          }
          resolve();
        },
      });
    });
  }

  #add(item: QueueItem): void {
    if (this.#failed) return;
    this.#items.push(item);
    if (this.#running) return;
    this.#running = true;
    // Not at once: what the rest of this turn adds comes along, and nothing is ever done inside the call that asked for it.
    void Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    try {
      for (let items = this.#items; items.length > 0; items = this.#items) {
        this.#items = [];
        await this.#runAll(items);
      }
      this.#running = false;
    } catch (error) {
      this.#failed = true;
      this.#items = [];
      this.#onFailure(error);
    }
  }

  async #runAll(items: readonly QueueItem[]): Promise<void> {
    let group: QueuedWrite[] = [];
    for (const item of items) {
      if (!('task' in item)) {
        group.push(item);
        continue;
      }
      if (group.length > 0) await this.#writeGroup(group);
      group = [];
      await item.task();
    }
    if (group.length > 0) await this.#writeGroup(group);
  }
}
