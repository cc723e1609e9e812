/** The API for people to read: texts of everything, which the page and the Markdown only put into form. */
import type { ErrorCode } from '../../../src/index.js';
import type { Endpoint, EndpointDocument, Example } from '../endpoint.js';
import { componentSchemas, type JsonSchema, referring } from './components.js';
import { allErrors, byStatus, ERRORS_OF_ANY, ERRORS_OF_BODIES } from './errors.js';
import { exampleAnswer, exampleCommand } from './example-text.js';
import { GROUP_TITLES, GROUPS, otherTypes, pathParameters, statusesOf } from './parts.js';
import { descriptionOf, type PropertyText, propertiesOf, typeText } from './schema-text.js';

/** Texts of the whole API; code in them is between backquotes. */
export interface Reference {
  readonly groups: readonly {
    readonly id: string;
    readonly title: string;
    readonly endpoints: readonly EndpointText[];
  }[];
  readonly shapes: readonly ShapeText[];
  /** By status: every error, those that any request may meet, and those that any request with a body may meet besides. */
  readonly errors: readonly StatusErrors[];
  readonly errorsOfAny: readonly StatusErrors[];
  readonly errorsOfBodies: readonly StatusErrors[];
}

export type StatusErrors = readonly [status: number, codes: readonly ErrorCode[]];

export interface EndpointText {
  readonly id: string;
  /** Has the client a method of this name? */
  readonly isInClient: boolean;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string | undefined;
  /** The Redis command that does the same. */
  readonly command: string | undefined;
  readonly parameters: readonly ParameterText[];
  readonly body: ContentText | undefined;
  /** Statuses of successful answers, where there is more to say than 200. */
  readonly statuses: readonly { readonly status: number; readonly description: string }[];
  readonly answer: ContentText | undefined;
  /** Headers of its own that it answers with. */
  readonly answerHeaders: readonly (readonly [name: string, description: string])[];
  /** Those of its own. */
  readonly errors: readonly StatusErrors[];
  readonly examples: readonly ExampleText[];
}

export interface ParameterText {
  readonly name: string;
  readonly place: 'path' | 'query' | 'header';
  readonly type: string;
  readonly description: string;
}

/** A body, of a request or an answer. */
export interface ContentText {
  /** Besides JSON and MessagePack, if it is a value. */
  readonly mediaTypes: readonly string[];
  readonly isValue: boolean;
  /** As in TypeScript; undefined for what is not a value. */
  readonly type: string | undefined;
  readonly description: string;
  /** Of an object. */
  readonly properties: readonly PropertyText[] | undefined;
  readonly isOptional: boolean;
}

export interface ExampleText {
  readonly title: string;
  /** For a shell. */
  readonly command: string;
  readonly answer: string | undefined;
}

export interface ShapeText {
  readonly name: string;
  readonly description: string;
  /** One for each of the choices. */
  readonly types: readonly string[];
  readonly properties: readonly PropertyText[] | undefined;
}

/** The texts of endpoints. */
export function referenceOf(endpoints: readonly Endpoint[]): Reference {
  const codes = allErrors(endpoints);
  return {
    groups: GROUPS.map((id) => ({
      id,
      title: GROUP_TITLES[id],
      endpoints: endpoints.filter(({ document }) => document.group === id).map(endpointText),
    })).filter((group) => group.endpoints.length > 0),
    shapes: Object.entries(componentSchemas(codes)).map(([name, schema]) => shapeText(name, schema)),
    errors: byStatus(codes),
    errorsOfAny: byStatus(ERRORS_OF_ANY),
    errorsOfBodies: byStatus(ERRORS_OF_BODIES),
  };
}

function endpointText(endpoint: Endpoint): EndpointText {
  const { method, path, document } = endpoint;
  const { id, summary, description, command, answerHeaders = {}, examples } = document;
  return {
    id,
    // `clientEndpoints` are the others; a test compares.
    isInClient: document.group !== 'server',
    method,
    path,
    summary,
    description,
    command,
    parameters: parametersOf(endpoint),
    body: bodyText(document),
    statuses: statusesOf(document).filter(({ status }) => status !== 200 || document.statuses !== undefined),
    answer: answerText(document),
    answerHeaders: Object.entries(answerHeaders),
    errors: byStatus(document.errors ?? []),
    examples: examples.map((example) => exampleText(endpoint, example)),
  };
}

function exampleText(endpoint: Endpoint, example: Example): ExampleText {
  return {
    title: example.title,
    command: exampleCommand(endpoint, example),
    answer: exampleAnswer(example),
  };
}

function parametersOf(endpoint: Endpoint): ParameterText[] {
  const { query = {}, requestHeaders = {} } = endpoint.document;
  const text = { type: 'string' };
  return [
    ...pathParameters(endpoint).map(([name, description]) => ({
      name,
      place: 'path' as const,
      ...text,
      description,
    })),
    ...Object.entries(query).map(([name, { schema, description }]) => {
      const referred = referring(schema);
      const limits = descriptionOf({ ...referred, description: undefined });
      return {
        name,
        place: 'query' as const,
        type: typeText(referred),
        description: `${description} ${limits}`.trim(),
      };
    }),
    ...Object.entries(requestHeaders).map(([name, description]) => ({
      name,
      place: 'header' as const,
      ...text,
      description,
    })),
  ];
}

function bodyText({ body, rawBody, isBodyOptional }: EndpointDocument): ContentText | undefined {
  if (body !== undefined) return valueText(body, isBodyOptional === true);
  return rawBody === undefined ? undefined : rawText(rawBody.types, rawBody.description);
}

function answerText(document: EndpointDocument): ContentText | undefined {
  const { answer, rawAnswer } = document;
  const mediaTypes = otherTypes(document);
  if (answer !== undefined) return { ...valueText(answer, false), mediaTypes };
  return rawAnswer === undefined ? undefined : rawText(mediaTypes, rawAnswer.description);
}

function valueText(schema: object, isOptional: boolean): ContentText {
  const referred = referring(schema);
  const properties = propertiesOf(referred);
  return {
    mediaTypes: [],
    isValue: true,
    type: properties === undefined ? typeText(referred) : undefined,
    description: descriptionOf(referred),
    properties,
    isOptional,
  };
}

function rawText(mediaTypes: readonly string[], description: string): ContentText {
  return {
    mediaTypes,
    isValue: false,
    type: undefined,
    description,
    properties: undefined,
    isOptional: false,
  };
}

function shapeText(name: string, schema: JsonSchema): ShapeText {
  const choices = (schema['anyOf'] ?? schema['oneOf'] ?? [schema]) as JsonSchema[];
  const properties = propertiesOf(schema);
  return {
    name,
    description: descriptionOf(schema),
    types: properties === undefined ? choices.map(typeText) : [],
    properties,
  };
}
