import type { Frames } from '@app/mcp-protocol';

type Message = Record<string, unknown>;

/** A connection in memory: its server end is `frames`; the rest is what the SDKs call a transport. */
export class FramePair {
  readonly received: Message[] = [];
  /** What the server is made to believe is waiting to be read. */
  buffered = 0;
  closeCode: number | undefined;
  onmessage?: (message: unknown) => void;
  onclose?: () => void;
  private readonly onServerMessage: ((text: string) => void)[] = [];
  private readonly onServerClose: (() => void)[] = [];

  readonly frames: Frames = {
    send: (text) => {
      const message = JSON.parse(text) as Message;
      this.received.push(message);
      setImmediate(() => this.onmessage?.(message));
    },
    close: (code) => void this.close(code),
    onMessage: (callback) => void this.onServerMessage.push(callback),
    onClose: (callback) => void this.onServerClose.push(callback),
    bufferedBytes: () => this.buffered,
  };

  start(): Promise<void> {
    return Promise.resolve();
  }

  send(message: unknown): Promise<void> {
    this.say(JSON.stringify(message));
    return Promise.resolve();
  }

  say(text: string): void {
    for (const callback of this.onServerMessage) callback(text);
  }

  close(code = 1000): Promise<void> {
    if (this.closeCode !== undefined) return Promise.resolve();
    this.closeCode = code;
    for (const callback of this.onServerClose) callback();
    this.onclose?.();
    return Promise.resolve();
  }
}
