/** Remembers on which line each id of a file was first seen. */
export interface LineNumbers {
  /** Notes an id's line. Returns the line it was seen on before, undefined when it is new. */
  add(id: string, line: number): number | undefined;
}

/** Below the 2^24 entries at which a Map is full. */
const MAP_ENTRIES = 2 ** 23;

/**
 * An empty memory of ids.
 *
 * @param mapEntries how many ids one Map takes before the next is begun
 */
export function lineNumbers(mapEntries: number = MAP_ENTRIES): LineNumbers {
  const maps = [new Map<string, number>()];
  return {
    add(id, line) {
      for (const map of maps) {
        const first = map.get(id);
        if (first !== undefined) return first;
      }
      if (maps.at(-1)!.size >= mapEntries) maps.push(new Map());
      // A copy: a part of a line would keep the whole line in memory.
      maps.at(-1)!.set(Buffer.from(id).toString(), line);
      return undefined;
    },
  };
}
