import type { Engine } from '../../src/index.js';

/** All that an engine holds, for comparisons: every user with all tags, and every tag. */
export function contentsOf(engine: Engine): unknown {
  const { store } = engine;
  const users = [...store.users].map((ordinal): [string, unknown] => {
    const id = store.idOf(ordinal);
    return [id.toString('latin1'), [...engine.getAll(id)!].sort()];
  });
  return {
    users: users.sort(([a], [b]) => (a < b ? -1 : 1)),
    tags: engine.tags().map(({ bytes: _, ...tag }) => tag),
  };
}
