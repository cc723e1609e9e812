/** Who uses what, by name: kept up to date, so that nobody walks thousands of audiences to learn it. */
export class UsageIndex {
  readonly #users = new Map<string, Set<string>>();

  /** Who uses it. Changes with the index: read it at once. */
  of(used: string): ReadonlySet<string> {
    return this.#users.get(used) ?? NOBODY;
  }

  add(used: string, user: string): void {
    const users = this.#users.get(used);
    if (users === undefined) this.#users.set(used, new Set([user]));
    else users.add(user);
  }

  remove(used: string, user: string): void {
    const users = this.#users.get(used);
    users?.delete(user);
    if (users?.size === 0) this.#users.delete(used);
  }

  clear(): void {
    this.#users.clear();
  }

  /** What is not used by the same in both; for `check`. */
  differencesTo(other: UsageIndex): string[] {
    const names = new Set([...this.#users.keys(), ...other.#users.keys()]);
    return [...names].filter((name) => {
      const theirs = other.of(name);
      return this.of(name).size !== theirs.size || [...this.of(name)].some((user) => !theirs.has(user));
    });
  }
}

const NOBODY: ReadonlySet<string> = new Set();
