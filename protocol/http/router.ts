/** Which route answers a request: by its method and the segments of its path, as they were sent. */

/** A place in the tree of paths. */
interface Place<T> {
  /** What may come next as it is written. */
  readonly words: { readonly text: string; readonly place: Place<T> }[];
  /** What comes next if it may be anything: a parameter. */
  parameter: Place<T> | undefined;
  /** By method; HEAD is there where GET is. Empty where no path ends. */
  readonly routes: Map<string, T>;
  /** The header Allow of this path. */
  allow: string;
}

/** A path that is known, whatever the method. */
export interface KnownPath<T> {
  /** The route of a method. HEAD has GET's. */
  readonly routes: ReadonlyMap<string, T>;
  /** The header Allow: every method that the path has. */
  readonly allow: string;
}

const SLASH = '/';
const PARAMETER = /^\{([a-z][A-Za-z]*)\}$/;
const WORD = /^[A-Za-z0-9._~:-]+$/;

/** Routes by path and method. A word goes before a parameter where both would do: where both have the method. */
export class Router<T> {
  readonly #root = newPlace<T>();

  /** Adds a route for a path like `/v1/users/{id}/tags`; `make` gets the names of its parameters, in their order. */
  add(method: string, path: string, make: (parameters: readonly string[]) => T): void {
    const names: string[] = [];
    let place = this.#root;
    for (const segment of segmentsOf(path)) {
      const name = PARAMETER.exec(segment)?.[1];
      if (name === undefined) place = wordPlace(place, segment);
      else {
        names.push(name);
        place.parameter ??= newPlace();
        place = place.parameter;
      }
    }
    if (place.routes.has(method)) throw new Error(`there are two routes ${method} ${path}`);
    const route = make(names);
    place.routes.set(method, route);
    if (method === 'GET') place.routes.set('HEAD', route);
    place.allow = [...place.routes.keys(), 'OPTIONS'].sort().join(', ');
  }

  /**
   * Finds a path, one that has the method if there is one; then the segments that are its parameters are added to
   * `captures`, still encoded.
   */
  find(method: string, path: string, captures: string[]): KnownPath<T> | undefined {
    if (path === SLASH) return ifEnd(this.#root);
    if (!path.startsWith(SLASH)) return undefined;
    const found = search(this.#root, method, path, 1, captures);
    if (found?.routes.has(method) !== true) captures.length = 0;
    return found;
  }
}

function newPlace<T>(): Place<T> {
  return { words: [], parameter: undefined, routes: new Map(), allow: '' };
}

function segmentsOf(path: string): string[] {
  if (path === SLASH) return [];
  const segments = path.split(SLASH).slice(1);
  const isPath = path.startsWith(SLASH) && segments.every((one) => PARAMETER.test(one) || WORD.test(one));
  if (!isPath) throw new Error(`${JSON.stringify(path)} is no path of a route`);
  return segments;
}

function wordPlace<T>({ words }: Place<T>, text: string): Place<T> {
  const known = words.find((word) => word.text === text);
  if (known !== undefined) return known.place;
  const place = newPlace<T>();
  words.push({ text, place });
  return place;
}

/** Goes on from `place` with the segment that begins at `at`. */
function search<T>(
  place: Place<T>,
  method: string,
  path: string,
  at: number,
  captures: string[],
): KnownPath<T> | undefined {
  const slash = path.indexOf(SLASH, at);
  const end = slash < 0 ? path.length : slash;
  const { parameter } = place;
  const before = captures.length;
  const word = wordAt(place, path, at, end);
  const byWord = word === undefined ? undefined : searchBehind(word, method, path, end, captures);
  // No id and no name is empty.
  if (parameter === undefined || end === at || byWord?.routes.has(method) === true) return byWord;
  captures.length = before;
  captures.push(path.slice(at, end));
  const found = searchBehind(parameter, method, path, end, captures);
  if (byWord === undefined || found?.routes.has(method) === true) return found;
  return found === undefined ? byWord : withoutMethod(byWord, found);
}

/** The place behind the word that stands from `at` to `end`. */
function wordAt<T>({ words }: Place<T>, path: string, at: number, end: number): Place<T> | undefined {
  for (let i = 0; i < words.length; i++) {
    const { text, place } = words[i]!;
    if (text.length === end - at && path.startsWith(text, at)) return place;
  }
  return undefined;
}

/** Goes on from `place` behind the segment that ends at `end`. */
function searchBehind<T>(
  place: Place<T>,
  method: string,
  path: string,
  end: number,
  captures: string[],
): KnownPath<T> | undefined {
  return end === path.length ? ifEnd(place) : search(place, method, path, end + 1, captures);
}

/** Two that answer the same path, and neither has the method. */
function withoutMethod<T>(one: KnownPath<T>, other: KnownPath<T>): KnownPath<T> {
  const allow = [...new Set([one, other].flatMap((path) => path.allow.split(', ')))].sort().join(', ');
  return { routes: new Map(), allow };
}

function ifEnd<T>(place: Place<T>): Place<T> | undefined {
  return place.routes.size > 0 ? place : undefined;
}
