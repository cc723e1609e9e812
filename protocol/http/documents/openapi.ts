/** The API as an OpenAPI 3.1 document, made from the declarations. */
import type { ErrorCode } from '../../../src/index.js';
import { PACKAGE_VERSION } from '../../version.js';
import { JSON_TYPE, MSGPACK_TYPE } from '../content.js';
import type { Endpoint, RawContent } from '../endpoint.js';
import { componentSchemas, type JsonSchema, reference, referring } from './components.js';
import { allErrors, byStatus, errorsOf, RETRY_STATUSES, USUAL_ERRORS } from './errors.js';
import { GROUP_TITLES, GROUPS, otherTypes, pathParameters, statusesOf } from './parts.js';

type Properties = Record<string, unknown>;

const PROBLEM = 'Problem';
/** By name in the document, the errors of a status that most endpoints share. */
const usualProblems = new Map(
  byStatus(USUAL_ERRORS).map(([status, codes]) => [`${PROBLEM}${status}`, codes]),
);

/** The whole document, as a value for JSON. */
export function openApiDocument(endpoints: readonly Endpoint[]): Properties {
  const paths: Record<string, Properties> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] ??= {};
    paths[endpoint.path]![endpoint.method.toLowerCase()] = operation(endpoint);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'segmentd',
      version: PACKAGE_VERSION,
      description:
        'Which tags has this user, which users have these tags. Bodies are JSON or MessagePack, as `content-type` and `accept` say.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The server that this comes from' }],
    // Without a password nobody needs to log in.
    security: [{}, { bearer: [] }, { basic: [] }],
    tags: GROUPS.map((group) => ({ name: group, description: GROUP_TITLES[group] })),
    paths,
    components: {
      schemas: componentSchemas(allErrors(endpoints)),
      responses: Object.fromEntries(
        byStatus(USUAL_ERRORS).map(([status, codes]) => [`${PROBLEM}${status}`, problem(status, codes)]),
      ),
      parameters: {
        RequestId: {
          name: 'x-request-id',
          in: 'header',
          description:
            'A name for the request, which comes back and stands in the log. One is made up if there is none.',
          schema: { type: 'string' },
        },
      },
      headers: {
        RequestId: {
          description: "The request's name, as it stands in the log.",
          schema: { type: 'string' },
        },
        RetryAfter: { description: 'Seconds after which to try again.', schema: { type: 'integer' } },
      },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The password of the server, if it has one.' },
        basic: { type: 'http', scheme: 'basic', description: 'The same, with any user name: for browsers.' },
      },
    },
  };
}

function operation(endpoint: Endpoint): Properties {
  const { document } = endpoint;
  const body = requestBody(endpoint);
  return {
    operationId: document.id,
    tags: [document.group],
    summary: document.summary,
    ...(document.description !== undefined && { description: document.description }),
    ...(document.isOpen === true && { security: [] }),
    parameters: parametersOf(endpoint),
    ...(body !== undefined && { requestBody: body }),
    responses: responsesOf(endpoint),
  };
}

function parametersOf(endpoint: Endpoint): Properties[] {
  const { query = {}, requestHeaders = {} } = endpoint.document;
  return [
    ...pathParameters(endpoint).map(([name, description]) => ({
      name,
      in: 'path',
      required: true,
      description,
      schema: { type: 'string', minLength: 1 },
    })),
    ...Object.entries(query).map(([name, { description, schema }]) => ({
      name,
      in: 'query',
      description,
      schema: referring(schema),
      ...(isList(schema) && { style: 'form', explode: false }),
    })),
    ...Object.entries(requestHeaders).map(([name, description]) => ({
      name,
      in: 'header',
      description,
      schema: { type: 'string' },
    })),
    { $ref: '#/components/parameters/RequestId' },
  ];
}

function isList(schema: object): boolean {
  return (schema as JsonSchema)['type'] === 'array';
}

function requestBody({ document }: Endpoint): Properties | undefined {
  const { body, rawBody, examples } = document;
  const usual = rawBody?.types[0] ?? JSON_TYPE;
  const shown = examples
    .filter((example) => example.body !== undefined)
    .map(({ title, headers, body }) => ({ title, type: headers?.['content-type'] ?? usual, value: body }));
  if (body !== undefined)
    return { required: document.isBodyOptional !== true, content: valueContent(body, shown) };
  if (rawBody === undefined) return undefined;
  return { required: true, description: rawBody.description, content: rawContent(rawBody, shown) };
}

/** All answers; a status may be one that the endpoint answers with, and that of an error besides. */
function responsesOf(endpoint: Endpoint): Properties {
  const codes = errorsOf(endpoint);
  const responses = { ...problemsOf(codes), ...answersOf(endpoint) };
  for (const [status, those] of byStatus(codes)) {
    const answer = responses[status] as Properties;
    if (answer['$ref'] !== undefined) continue;
    const { content } = problem(status, those);
    responses[status] = {
      ...answer,
      content: { ...(answer['content'] as Properties), ...(content as Properties) },
    };
  }
  return responses;
}

/** The successful answers. */
function answersOf({ document }: Endpoint): Properties {
  const { answer, rawAnswer, answerHeaders = {}, examples } = document;
  const headers: Properties = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };
  for (const [name, description] of Object.entries(answerHeaders)) {
    headers[name] = { description, schema: { type: 'string' } };
  }
  const usual = answer === undefined ? rawAnswer?.types[0] : JSON_TYPE;
  const shown = examples
    .filter((example) => example.answer !== undefined)
    .map(({ title, headers, answer }) => ({ title, type: headers?.['accept'] ?? usual, value: answer }));
  // Examples are of what goes well.
  const contentOf = (status: number): Properties => ({
    ...(answer !== undefined && valueContent(answer, status < 400 ? shown : [])),
    ...(rawAnswer !== undefined && rawContent({ ...rawAnswer, types: otherTypes(document) }, shown)),
  });
  return Object.fromEntries(
    statusesOf(document).map(({ status, description, hasBody }) => [
      status,
      { description, headers, ...(hasBody && { content: contentOf(status) }) },
    ]),
  );
}

/** The answers that errors make; those that most endpoints share are referred to. */
function problemsOf(codes: readonly ErrorCode[]): Properties {
  const answers = byStatus(codes).map(([status, those]) => {
    const name = `${PROBLEM}${status}`;
    const isUsual = usualProblems.get(name)?.join() === those.join();
    return [status, isUsual ? { $ref: `#/components/responses/${name}` } : problem(status, those)];
  });
  return Object.fromEntries(answers);
}

function problem(status: number, codes: readonly ErrorCode[]): Properties {
  return {
    description: codes.join(', '),
    headers: {
      'x-request-id': { $ref: '#/components/headers/RequestId' },
      ...(RETRY_STATUSES.includes(status) && { 'retry-after': { $ref: '#/components/headers/RetryAfter' } }),
      ...(status === 401 && {
        'www-authenticate': { description: 'How to log in.', schema: { type: 'string' } },
      }),
    },
    content: {
      'application/problem+json': {
        schema: {
          allOf: [reference('Problem')],
          properties: { status: { const: status }, code: { enum: codes } },
        },
      },
    },
  };
}

/** An example of a body, with its media type. */
interface Shown {
  readonly title: string;
  readonly type: string | undefined;
  readonly value: unknown;
}

function valueContent(schema: object, shown: readonly Shown[]): Properties {
  const referred = referring(schema);
  return {
    [JSON_TYPE]: { schema: referred, ...examplesOf(JSON_TYPE, shown) },
    [MSGPACK_TYPE]: { schema: referred },
  };
}

function rawContent({ types, description }: RawContent, shown: readonly Shown[]): Properties {
  return Object.fromEntries(
    types.map((type) => {
      const isText = type.startsWith('text/') || type.endsWith('ndjson');
      const schema = { description, ...(isText && { type: 'string' }) };
      return [type, { schema, ...examplesOf(type, shown) }];
    }),
  );
}

/** The examples of a media type; nothing without any. */
function examplesOf(type: string, shown: readonly Shown[]): Properties {
  const own = shown.filter((one) => one.type === type);
  if (own.length === 0) return {};
  const named = own.map(({ title, value }, i) => [`example${i + 1}`, { summary: title, value }]);
  return { examples: Object.fromEntries(named) };
}
