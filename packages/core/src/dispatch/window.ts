/** What a consumer may hold unsettled at a time. At least one message is always let through. */
export class Window {
  readonly messagesMax: number;
  readonly bytesMax: number;
  #messages = 0;
  #bytes = 0;

  constructor(messagesMax: number, bytesMax: number) {
    this.messagesMax = messagesMax;
    this.bytesMax = bytesMax;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get hasRoom(): boolean {
    return this.#messages === 0 || (this.#messages < this.messagesMax && this.#bytes < this.bytesMax);
  }

  take(bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
  }
}
