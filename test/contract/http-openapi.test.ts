/** The OpenAPI document: valid, complete, and true of what the server takes and gives. */
import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import Schema from 'typebox/schema';
import { describe, expect, test } from 'vitest';
import { openApiDocument } from '../../protocol/http/documents/openapi.js';
import { allEndpoints } from '../../protocol/http/endpoints/index.js';
import { checkExpression, type ErrorCode, errorTable } from '../../src/index.js';
import { treesOver } from '../model/audience-trees.js';
import { startTestHttp, TRANSPORTS } from '../support/http-server.js';

interface Media {
  readonly schema: object;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Answer {
  readonly $ref?: string;
  readonly headers: object;
  readonly content?: Readonly<Record<string, Media>>;
}
interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Answer>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

const document = JSON.parse(JSON.stringify(openApiDocument(allEndpoints))) as Document;
const { components } = document;
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

/** Does a value fit a schema of the document? */
function fits(schema: object, value: unknown): boolean {
  return Schema.Compile({ ...schema, components }).Check(value);
}

function* referencesIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value)) {
    if (key === '$ref') yield part as string;
    else yield* referencesIn(part);
  }
}

describe('the document', () => {
  test('is taken by a validator of OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(document) as never);
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    expect(validator.version).toBe('3.1');
  });

  test('has every endpoint once', () => {
    const given = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => `${operationId} ${method} ${path}`),
    );
    const declared = allEndpoints.map(
      ({ document, method, path }) => `${document.id} ${method.toLowerCase()} ${path}`,
    );
    expect(given.sort()).toEqual(declared.sort());
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(allEndpoints.length);
  });

  test('refers to what is there, and to everything that has a name', () => {
    const referred = new Set(referencesIn(document));
    const known = Object.entries(components).flatMap(([kind, named]) =>
      Object.keys(named).map((name) => `#/components/${kind}/${name}`),
    );
    expect([...referred].filter((one) => !known.includes(one))).toEqual([]);
    const unused = known.filter((one) => !referred.has(one));
    expect(unused.filter((one) => !one.startsWith('#/components/securitySchemes/'))).toEqual([]);
  });

  test('has each parameter of a path, and none that is meant twice', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters } of Object.values(methods)) {
        const names = parameters.map(({ name }) => name);
        expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(inPath);
        expect(new Set(names).size).toBe(names.length);
      }
    }
  });

  test('has examples that fit their schemas', () => {
    let checked = 0;
    for (const { operationId, requestBody, responses } of operations) {
      const contents = [requestBody?.content, ...Object.values(responses).map(({ content }) => content)];
      for (const media of contents.flatMap((content) => Object.values(content ?? {}))) {
        for (const { value } of Object.values(media.examples ?? {})) {
          expect(fits(media.schema, value), `${operationId}: ${JSON.stringify(value)}`).toBe(true);
          checked++;
        }
      }
    }
    expect(checked).toBeGreaterThan(20);
    const count = operations.find(({ operationId }) => operationId === 'countUsers')!;
    const schema = count.requestBody!.content['application/json']!.schema;
    expect(count.requestBody!.content['application/msgpack']!.schema).toEqual(schema);
    expect(fits(schema, { expression: 'a' })).toBe(true);
    for (const wrong of [{}, { expression: 1 }, { expression: 'a', limits: 1 }, { expression: {} }, 'a']) {
      expect(fits(schema, wrong)).toBe(false);
    }
  });

  test('names the error of each status', () => {
    for (const { responses } of operations) {
      for (const [status, answer] of Object.entries(responses).filter(([status]) => status >= '400')) {
        const name = answer.$ref?.split('/').at(-1);
        const response = name === undefined ? answer : (components['responses']![name] as Answer);
        const media = response.content!['application/problem+json']! as {
          schema: { properties: { code: { enum: ErrorCode[] } } };
        };
        const codes = media.schema.properties.code.enum;
        expect(codes.length).toBeGreaterThan(0);
        for (const code of codes) expect(String(errorTable[code].http)).toBe(status);
      }
    }
  });
});

describe('the schema of an expression', () => {
  const tree = { $ref: '#/components/schemas/ExpressionTree' };
  const validator = Schema.Compile({ ...tree, components });
  const trees = treesOver({
    values: { age: [20, 30], sex: ['m', 'f'] },
    numbers: ['age'],
    ids: ['a', 'b'],
    audiences: ['x'],
    wrong: 0,
  });
  const isTaken = (value: unknown): boolean => {
    try {
      checkExpression(value);
      return true;
    } catch {
      return false;
    }
  };

  test('takes what the engine takes', () => {
    fc.assert(fc.property(trees, (one) => isTaken(one) && validator.Check(one)));
  });

  test('refuses what the engine refuses: trees of which one thing was changed', () => {
    const replacement = fc.constantFrom<unknown>(
      null,
      true,
      '',
      'and',
      'not',
      0.5,
      1,
      [],
      ['a'],
      {},
      undefined,
    );
    const choice = fc.tuple(trees, fc.nat(), replacement, fc.boolean());
    let refused = 0;
    fc.assert(
      fc.property(choice, ([one, place, value, isAdded]) => {
        const changed = structuredClone(one);
        const places = [...placesIn(changed)];
        const [object, key] = places[place % places.length]!;
        if (isAdded && !Array.isArray(object)) object['more'] = value;
        else if (value === undefined) delete object[key];
        else object[key] = value;
        const plain = JSON.parse(JSON.stringify(changed)) as unknown;
        const taken = isTaken(plain);
        if (!taken) refused++;
        expect(validator.Check(plain)).toBe(taken);
      }),
      { numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(50);
  });
});

/** Every place of a tree: what has it, and where. */
function* placesIn(value: object): Generator<[Record<string, unknown>, string]> {
  for (const [key, part] of Object.entries(value)) {
    yield [value as Record<string, unknown>, key];
    if (typeof part === 'object' && part !== null) yield* placesIn(part as object);
  }
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('it is what /openapi.json gives', async () => {
    const server = await startTestHttp(transport, allEndpoints);
    const response = await fetch(`http://127.0.0.1:${server.port}/openapi.json`);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual(document);
    await server.close();
  });

  test('errors are as it says', async () => {
    const server = await startTestHttp(transport, allEndpoints);
    const ask = async (body: string): Promise<unknown> => {
      const headers = { 'content-type': 'application/json' };
      const url = `http://127.0.0.1:${server.port}/v1/audiences/count`;
      return (await fetch(url, { method: 'POST', headers, body })).json();
    };
    const problem = { $ref: '#/components/schemas/Problem' };
    for (const body of ['{"expression":"a ="}', '{"expression":"nothing"}', '{']) {
      const answer = await ask(body);
      expect(fits(problem, answer), JSON.stringify(answer)).toBe(true);
      expect(fits(problem, { ...(answer as object), code: 'SOMETHING' })).toBe(false);
    }
    await server.close();
  });
});
