/** A map that forgets its oldest entries beyond `max`. */
export class BoundedMap<K, V> {
  private readonly entries = new Map<K, V>();

  constructor(private readonly max: number) {}

  get size(): number {
    return this.entries.size;
  }

  get(key: K): V | undefined {
    return this.entries.get(key);
  }

  /** The entry becomes the newest. */
  set(key: K, value: V): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.max) this.entries.delete(this.oldest()!);
  }

  delete(key: K): void {
    this.entries.delete(key);
  }

  /** Drops the oldest entries for as long as they are stale. */
  prune(isStale: (value: V) => boolean): void {
    for (const [key, value] of this.entries) {
      if (!isStale(value)) return;
      this.entries.delete(key);
    }
  }

  private oldest(): K | undefined {
    return this.entries.keys().next().value;
  }
}
