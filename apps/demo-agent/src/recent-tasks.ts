const STANDARD_LIMIT = 5_000;

/** The newest tasks of one agent. Older ones are forgotten, so that a benchmark does not fill the memory. */
export class RecentTasks<Task extends { readonly id: string }> {
  private readonly tasks = new Map<string, Task>();

  constructor(private readonly limit = STANDARD_LIMIT) {}

  /** A copy: the SDK changes what it loads. */
  load(id: string): Task | undefined {
    return structuredClone(this.tasks.get(id));
  }

  save(task: Task): void {
    this.tasks.set(task.id, { ...task });
    if (this.tasks.size <= this.limit) return;
    const [oldest] = this.tasks.keys();
    if (oldest !== undefined) this.tasks.delete(oldest);
  }

  newestFirst(): Task[] {
    return [...this.tasks.values()].toReversed();
  }
}
