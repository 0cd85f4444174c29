/** @throws with what was expected */
export function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}
