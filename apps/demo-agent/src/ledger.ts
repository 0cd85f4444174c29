/** How many messages and cancels an agent remembers, and how much of each text. */
const LEDGER_LIMIT = 100_000;
const TEXT_LIMIT = 500;

export interface LedgerMessage {
  readonly messageId: string;
  readonly at: string;
  /** The task that the message named or, once the agent opened one, that task. */
  readonly taskId?: string;
  readonly contextId?: string;
  readonly text: string;
}

/** What an agent really received; tests judge by it. */
export interface LedgerView {
  readonly messages: readonly LedgerMessage[];
  /** Task ids, as asked; also of tasks that are unknown or over. */
  readonly cancels: readonly string[];
  readonly polls: number;
  readonly subscribes: number;
  readonly cardFetches: number;
  /** How many of the card fetches were answered 304. */
  readonly cardNotModified: number;
}

export class Ledger {
  private messages: LedgerMessage[] = [];
  private cancels: string[] = [];
  private counts = { polls: 0, subscribes: 0, cardFetches: 0, cardNotModified: 0 };

  heard(message: Omit<LedgerMessage, 'at'>): void {
    this.messages = bounded(this.messages);
    const { taskId, contextId, text, messageId } = message;
    this.messages.push({ messageId, at: new Date().toISOString(), taskId, contextId, text: text.slice(0, TEXT_LIMIT) });
  }

  /** The agent opened a task for a message it heard. */
  began(messageId: string, taskId: string, contextId: string): void {
    const index = this.messages.findLastIndex((message) => message.messageId === messageId);
    const message = this.messages[index];
    if (message !== undefined) this.messages[index] = { ...message, taskId, contextId };
  }

  cancelled(taskId: string): void {
    this.cancels = bounded(this.cancels);
    this.cancels.push(taskId);
  }

  count(what: keyof Ledger['counts']): void {
    this.counts[what] += 1;
  }

  view(): LedgerView {
    return { messages: this.messages, cancels: this.cancels, ...this.counts };
  }

  clear(): void {
    this.messages = [];
    this.cancels = [];
    this.counts = { polls: 0, subscribes: 0, cardFetches: 0, cardNotModified: 0 };
  }
}

/** Drops the older half of a full list: cheaper than dropping one with every message. */
const bounded = <T>(list: T[]): T[] => (list.length < LEDGER_LIMIT ? list : list.slice(LEDGER_LIMIT / 2));
