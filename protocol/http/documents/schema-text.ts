/** Schemas for people to read, in the notation of TypeScript, with limits in words. */
import { type JsonSchema, referredName } from './components.js';

/** More choices than these are to be looked up elsewhere: the codes of errors. */
const MAX_CHOICES = 12;

/** A property of a body, or of an object that has a name. */
export interface PropertyText {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  /** What it is and its limits, in sentences; may be empty. */
  readonly description: string;
}

/** The properties of an object; undefined for what is none. */
export function propertiesOf(schema: JsonSchema): PropertyText[] | undefined {
  const properties = schema['properties'] as Record<string, JsonSchema> | undefined;
  if (properties === undefined) return undefined;
  const required = (schema['required'] ?? []) as string[];
  return Object.entries(properties).map(([name, property]) => ({
    name,
    type: typeText(property),
    isRequired: required.includes(name),
    description: descriptionOf(property),
  }));
}

/** What a schema describes as a type: `{ id: Id; tags?: string[] }`. */
export function typeText(schema: JsonSchema): string {
  const name = referredName(schema);
  if (name !== undefined) return name;
  const choices = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined;
  if (choices !== undefined) return choices.map(typeText).join(' | ');
  if ('const' in schema) return JSON.stringify(schema['const']);
  const { enum: values } = schema;
  if (Array.isArray(values)) {
    return values.length > MAX_CHOICES ? 'string' : values.map((one) => JSON.stringify(one)).join(' | ');
  }
  const { type } = schema;
  if (Array.isArray(type)) return type.join(' | ');
  if (type === 'array') return arrayText(schema);
  if (type === 'object') return objectText(schema);
  return typeof type === 'string' ? type : 'any';
}

function arrayText({ prefixItems, items }: JsonSchema): string {
  if (Array.isArray(prefixItems)) return `[${prefixItems.map(typeText).join(', ')}]`;
  const item = (items ?? {}) as JsonSchema;
  const text = typeText(item);
  const isObject = item['type'] === 'object';
  return !isObject && text.includes(' | ') ? `(${text})[]` : `${text}[]`;
}

function objectText(schema: JsonSchema): string {
  const parts = (propertiesOf(schema) ?? []).map(
    ({ name, type, isRequired }) => `${name}${isRequired ? '' : '?'}: ${type}`,
  );
  const { additionalProperties: others } = schema;
  if (typeof others === 'object') parts.push(`[name]: ${typeText(others as JsonSchema)}`);
  return parts.length === 0 ? 'object' : `{ ${parts.join('; ')} }`;
}

/** What a property is, and its limits. */
export function descriptionOf(schema: JsonSchema): string {
  const { description } = schema;
  const limits = limitsOf(schema);
  return [description, limits].filter((text) => typeof text === 'string' && text !== '').join(' ');
}

function limitsOf(schema: JsonSchema): string {
  const { type } = schema;
  if (type === 'integer' || type === 'number') {
    return sentence(rangeText(schema['minimum'], schema['maximum'], ''));
  }
  if (type === 'array') return sentence(rangeText(schema['minItems'], schema['maxItems'], ' elements'));
  if (type === 'string') {
    const least = schema['minLength'] === 1 ? undefined : schema['minLength'];
    return sentence(rangeText(least, schema['maxLength'], ' characters'));
  }
  return '';
}

function rangeText(least: unknown, most: unknown, unit: string): string {
  if (typeof least === 'number' && typeof most === 'number')
    return `${grouped(least)} to ${grouped(most)}${unit}`;
  // That a count is not less than nothing need not be said.
  if (typeof least === 'number') return least === 0 ? '' : `${grouped(least)} or more${unit}`;
  return typeof most === 'number' ? `at most ${grouped(most)}${unit}` : '';
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

function sentence(text: string): string {
  return text === '' ? '' : `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
