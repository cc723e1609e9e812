/** Saved audiences: dynamic ones, which are an expression, and fixed ones, which are a set of users. */
import { Type } from 'typebox';
import { compileGlob, type Glob } from '../../../src/glob.js';
import type { AudienceInfo } from '../../../src/index.js';
import type { AudienceCatalog } from '../../../src/store/audience-catalog.js';
import { checkDetails, MAX_LABELS } from '../../../src/store/audience-record.js';
import { Query } from '../../../src/store/query.js';
import type { Steps } from '../../../src/store/steps.js';
import { endpoint } from '../endpoint.js';
import { checkPreconditions, EDIT_HEADERS, ETAG_HEADER, etagOf, isKnown, PUT_HEADERS } from '../etag.js';
import type { Exchange } from '../exchange.js';
import { integerParameter, textParameter } from '../parameters.js';
import { Expression, SavedAudience, shape, Timeout } from '../shapes.js';

/** Audiences in a page, each of which may have 64 KiB of text. */
const PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1000;
/** Characters of expressions and descriptions after which a page ends sooner: it is made in one turn. */
const PAGE_TEXT = 2 ** 20;

const details = {
  description: Type.Optional(Type.String()),
  owner: Type.Optional(Type.String()),
  labels: Type.Optional(Type.Array(Type.String(), { maxItems: MAX_LABELS })),
};
/** An audience of the examples. */
const women = {
  name: 'women',
  kind: 'dynamic',
  expression: 'sex = Female',
  users: null,
  description: '',
  owner: 'crm',
  labels: ['demo', 'basics'],
  created: '2026-01-31T12:00:00.000Z',
  changed: '2026-01-31T12:00:00.000Z',
};
const parameters = { name: "The audience's name." };

/** An audience as it is told. */
function audienceValue({ users, created, changed, ...rest }: AudienceInfo) {
  return {
    ...rest,
    users: users ?? null,
    created: new Date(created).toISOString(),
    changed: new Date(changed).toISOString(),
  };
}

/** Of all that is told of an audience but its users: they come and go without anybody editing it. */
function audienceTag({ name, kind, expression, description, owner, labels, created, changed }: AudienceInfo) {
  return etagOf([name, kind, expression, description, owner, labels, created, changed]);
}

/** What answers with one audience, and with its entity tag. */
function answerWith(exchange: Exchange, audience: AudienceInfo) {
  exchange.setHeader('etag', audienceTag(audience));
  return audienceValue(audience);
}

/** The audience of the path's name. Throws UNKNOWN_AUDIENCE. */
function knownAudience({ engine }: Exchange, name: string): AudienceInfo {
  engine.store.audiences.require(name);
  return engine.audiences.get(name)!;
}

/** Throws PRECONDITION_FAILED if the headers of the request say so. */
function checkEdit(exchange: Exchange, former: AudienceInfo | undefined): void {
  checkPreconditions(exchange, former === undefined ? undefined : audienceTag(former));
}

/**
 * The first names behind `after`, in order, at most `count`. Looks at one after the other, in turns, and keeps no more than
 * these: there may be many.
 */
function* namesBehind(
  audiences: AudienceCatalog,
  after: string,
  count: number,
  wanted: Glob | undefined,
): Steps<string[]> {
  const first: string[] = [];
  for (const { name } of audiences.all()) {
    yield;
    const isBehind = first.length === count && name > first.at(-1)!;
    if (name <= after || isBehind || wanted?.test(name) === false) continue;
    const place = first.findLastIndex((other) => other < name) + 1;
    // One that is dropped and saved again meanwhile comes twice.
    if (first[place] !== name) first.splice(place, 0, name);
    if (first.length > count) first.pop();
  }
  return first;
}

export const savedAudiences = [
  endpoint({
    id: 'listAudiences',
    method: 'GET',
    path: '/v1/audiences',
    group: 'audiences',
    command: 'SEG.LIST',
    summary: 'Saved audiences, by name.',
    query: {
      match: textParameter(
        "Only those whose name matches this pattern: `*`, `?`, `[a-z]`, as in Redis's KEYS.",
      ),
      limit: integerParameter(
        1,
        MAX_PAGE_SIZE,
        `At most so many; ${PAGE_SIZE} if it is not said. Fewer where their texts are long.`,
      ),
      cursor: textParameter('Goes on behind the page that came with this cursor.'),
    },
    answer: shape({ items: Type.Array(SavedAudience), cursor: Type.Optional(Type.String()) }),
    errors: ['LIMIT_REACHED'],
    examples: [
      {
        title: 'Audiences whose names begin with "w"',
        path: '/v1/audiences?match=w*&limit=10',
        after: ['saveAudience'],
        answer: {
          items: [women],
        },
        varying: ['created', 'changed'],
      },
    ],
    async handle(exchange, { query: { match, limit = PAGE_SIZE, cursor = '' } }) {
      const { store, audiences } = exchange.engine;
      const wanted = match === undefined ? undefined : compileGlob(match);
      // One more than asked for tells whether this page is the last. No audience has the empty name.
      const steps = namesBehind(store.audiences, cursor, limit + 1, wanted);
      const names = await exchange.finish(new Query(() => ({ steps, release() {} })));
      const page = names.slice(0, limit);
      const items: object[] = [];
      let last = cursor;
      for (let at = 0, text = 0; at < page.length && text < PAGE_TEXT; at++) {
        last = page[at]!;
        const audience = audiences.get(last);
        if (audience === undefined) continue;
        items.push(audienceValue(audience));
        text += audience.expression.length + audience.description.length;
      }
      const isLast = names.length === 0 || last === names.at(-1);
      return { items, ...(isLast ? {} : { cursor: last }) };
    },
  }),
  endpoint({
    id: 'getAudience',
    method: 'GET',
    path: '/v1/audiences/{name}',
    group: 'audiences',
    command: 'SEG.GET',
    summary: 'A saved audience.',
    description:
      'Its entity tag is another one after every change of what is told here, but for `users`: who is in it may change without it.',
    parameters,
    answer: SavedAudience,
    statuses: { 200: 'The audience.', 304: 'It still has the entity tag of `if-none-match`.' },
    requestHeaders: { 'if-none-match': 'An entity tag: tell it only if it has another one by now.' },
    answerHeaders: ETAG_HEADER,
    errors: ['UNKNOWN_AUDIENCE'],
    examples: [
      {
        title: 'A dynamic audience',
        path: '/v1/audiences/women',
        after: ['saveAudience'],
        answer: women,
        varying: ['created', 'changed'],
      },
    ],
    handle(exchange) {
      const audience = knownAudience(exchange, exchange.text('name'));
      const answer = answerWith(exchange, audience);
      if (!isKnown(exchange, audienceTag(audience))) return answer;
      exchange.status = 304;
      return undefined;
    },
  }),
  endpoint({
    id: 'saveAudience',
    method: 'PUT',
    path: '/v1/audiences/{name}',
    group: 'audiences',
    command: 'SEG.SAVE',
    summary: 'Saves an audience, or gives one another expression, or other users.',
    description:
      'All of it is replaced: a description, an owner and labels that are not given become empty. A dynamic audience is whoever its expression has at any time; a fixed one is made of the users whom the expression has now. One kind does not turn into the other: delete it first. Preconditions hold at the moment in which it is changed, also when finding the users takes long.',
    parameters,
    body: shape({
      expression: Expression,
      kind: Type.Optional(Type.Enum(['dynamic', 'fixed'], { description: 'dynamic if it is not said.' })),
      ...details,
      timeout: Type.Optional(Timeout),
    }),
    answer: SavedAudience,
    statuses: { 200: 'There was an audience of this name.', 201: 'There was none.' },
    requestHeaders: PUT_HEADERS,
    answerHeaders: ETAG_HEADER,
    errors: [
      'INVALID_EXPRESSION',
      'UNKNOWN_TAG',
      'UNKNOWN_AUDIENCE',
      'AUDIENCE_CONFLICT',
      'PRECONDITION_FAILED',
      'QUERY_TIMEOUT',
    ],
    examples: [
      {
        title: 'A dynamic audience',
        path: '/v1/audiences/women',
        body: { expression: 'sex = Female', owner: 'crm', labels: ['demo', 'basics'] },
        answer: women,
        varying: ['created', 'changed'],
      },
      {
        title: 'A fixed audience',
        path: '/v1/audiences/winners',
        body: {
          expression: 'high-income and age < 25',
          kind: 'fixed',
          description: 'Drawn on 1 March',
        },
        answer: {
          name: 'winners',
          kind: 'fixed',
          expression: 'high-income and age < 25',
          users: 93,
          description: 'Drawn on 1 March',
          owner: '',
          labels: [],
          created: '2026-03-01T12:00:00.000Z',
          changed: '2026-03-01T12:00:00.000Z',
        },
        varying: ['created', 'changed'],
      },
    ],
    async handle(exchange, { body }) {
      const { audiences } = exchange.engine;
      const name = exchange.text('name');
      const { expression, kind = 'dynamic', description = '', owner = '', labels = [], ...given } = body;
      const details = { description, owner, labels };
      let answer: object | undefined;
      /** Nothing comes between the check, the change and the answer that tells of it. */
      const edit = (change: () => void): void => {
        const former = audiences.get(name);
        checkEdit(exchange, former);
        change();
        exchange.status = former === undefined ? 201 : 200;
        answer = answerWith(exchange, audiences.get(name)!);
      };
      if (kind === 'dynamic') edit(() => audiences.save(name, expression, details));
      else {
        checkEdit(exchange, audiences.get(name)); // Nobody waits for what will be refused.
        const query = audiences.freezeQuery(name, expression, details, { ...given, around: edit });
        await exchange.finish(query);
      }
      return answer;
    },
  }),
  endpoint({
    id: 'changeAudience',
    method: 'PATCH',
    path: '/v1/audiences/{name}',
    group: 'audiences',
    command: 'SEG.DESCRIBE',
    summary: 'Changes what is noted of an audience, or gives it another name.',
    description:
      'What is not given stays as it was. Another name is also written into the expressions of the audiences that use it.',
    parameters,
    body: shape({ name: Type.Optional(Type.String({ description: 'Another name.' })), ...details }),
    answer: SavedAudience,
    requestHeaders: EDIT_HEADERS,
    answerHeaders: ETAG_HEADER,
    errors: ['UNKNOWN_AUDIENCE', 'AUDIENCE_CONFLICT', 'PRECONDITION_FAILED'],
    examples: [
      {
        title: 'Another owner',
        path: '/v1/audiences/women',
        after: ['saveAudience'],
        body: { owner: 'sales' },
        answer: { ...women, owner: 'sales', changed: '2026-01-31T12:30:00.000Z' },
        varying: ['created', 'changed'],
      },
    ],
    handle(exchange, { body: { name, ...given } }) {
      const { audiences } = exchange.engine;
      const former = knownAudience(exchange, exchange.text('name'));
      checkEdit(exchange, former);
      checkDetails(given); // So that either all of it is done or nothing.
      const isRenamed = name !== undefined && name !== former.name;
      if (isRenamed) audiences.rename(former.name, name);
      const present = isRenamed ? name : former.name;
      if (Object.keys(given).length > 0) audiences.describe(present, given);
      return answerWith(exchange, audiences.get(present)!);
    },
  }),
  endpoint({
    id: 'deleteAudience',
    method: 'DELETE',
    path: '/v1/audiences/{name}',
    group: 'audiences',
    command: 'SEG.DROP',
    summary: 'Forgets an audience that no other one uses.',
    parameters,
    requestHeaders: EDIT_HEADERS,
    errors: ['UNKNOWN_AUDIENCE', 'AUDIENCE_IN_USE', 'PRECONDITION_FAILED'],
    examples: [{ title: 'Forgets it', path: '/v1/audiences/women', after: ['saveAudience'] }],
    handle(exchange) {
      const audience = knownAudience(exchange, exchange.text('name'));
      checkEdit(exchange, audience);
      exchange.engine.audiences.drop(audience.name);
    },
  }),
];
