/** A map that forgets what was not used for longest when it is full. */
export class LruMap<K, V> extends Map<K, V> {
  constructor(private readonly limit: number) {
    super();
  }

  override get(key: K): V | undefined {
    const value = super.get(key);
    if (value !== undefined) this.touch(key, value);
    return value;
  }

  override set(key: K, value: V): this {
    this.touch(key, value);
    const [oldest] = this.keys();
    if (this.size > this.limit && oldest !== undefined) this.delete(oldest);
    return this;
  }

  /** Iteration order is insertion order: the newest goes to the end. */
  private touch(key: K, value: V): void {
    this.delete(key);
    super.set(key, value);
  }
}
