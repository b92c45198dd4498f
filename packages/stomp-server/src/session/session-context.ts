import { Deliveries } from './deliveries.ts';
import { OpenTransactions } from './open-transactions.ts';
import { UnansweredRequests } from './unanswered.ts';
import { fullAccess } from '../access.ts';
import type { Request } from '@lockstep/core';
import type { SessionId } from '@lockstep/kernel';
import type { Access, Admission, Claim } from '../access.ts';
import type { InputBudget } from '../input-budget.ts';
import type { Frame, FrameWriter, StompVersion } from '../codec/index.ts';
import type { StompLimits } from './limits.ts';

/** Where a session's requests go. */
export interface SessionSink {
  /** The client is connected: effects for the session may come from now on. Before the first request. */
  opened(): void;
  /** The client wants in. Null: the answer comes by `Session.admitted`. Absent: everybody is let in, and may do everything. */
  admit?(claim: Claim): Admission | null;
  submit(request: Request): void;
}

/** What the handlers of one session's frames share. */
export class SessionContext {
  readonly id: SessionId;
  readonly limits: StompLimits;
  readonly writer: FrameWriter;
  readonly sink: SessionSink;
  readonly deliveries: Deliveries;
  readonly transactions: OpenTransactions;
  readonly unanswered: UnansweredRequests = new UnansweredRequests();
  /** Settled by CONNECT. */
  access: Access = fullAccess;

  constructor(id: SessionId, limits: StompLimits, budget: InputBudget, writer: FrameWriter, sink: SessionSink) {
    this.id = id;
    this.limits = limits;
    this.writer = writer;
    this.sink = sink;
    this.deliveries = new Deliveries(writer);
    this.transactions = new OpenTransactions(limits, budget);
  }

  /** What the frames to come are to be parsed as. */
  get version(): StompVersion {
    return this.writer.version;
  }

  /** For what concerns this session alone: nothing has to be waited for. */
  receiptNow(frame: Frame): null {
    const receipt = frame.header('receipt');
    if (receipt !== undefined) this.writer.receipt(receipt);
    return null;
  }

  /** For what has nothing to ask of the broker, but may repeat something that is still being made durable. */
  receiptInTurn(frame: Frame): null {
    const receipt = frame.header('receipt');
    if (receipt !== undefined && !this.unanswered.lineUp(receipt)) this.writer.receipt(receipt);
    return null;
  }
}
