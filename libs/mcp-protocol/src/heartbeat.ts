export interface Beating {
  /** Called every beat for as long as it is added. */
  beat(now: number): void;
}

/** The one timer of a server: keeps streams alive and ends bodies that never arrive. Runs only while there is something. */
export class Heartbeat {
  private readonly members = new Set<Beating>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly everyMs: number) {}

  add(member: Beating): void {
    this.members.add(member);
    this.timer ??= setInterval(() => this.beat(), this.everyMs).unref();
  }

  remove(member: Beating): void {
    this.members.delete(member);
  }

  /** Stops here, not in `remove`: a timer made anew for every request would cost more than an idle beat. */
  private beat(): void {
    if (this.members.size === 0) return this.stop();
    const now = Date.now();
    for (const member of this.members) member.beat(now);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
