/** What a body that is not as declared is told: the validator's words where they are clear to those who send it, else others. */
import type { TLocalizedValidationError } from 'typebox/error';

/** What JSON Schema calls values, as one says it. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
  null: 'null',
};
/** One of several things that a value may be. */
const POSSIBILITY = /\/anyOf\/\d+$/;

/** What is wrong at a place; `description` is what the declaration says of it. */
export function bodyProblem(error: TLocalizedValidationError, description: string | undefined): string {
  // The type of the first possibility is not what it must be: the description tells all of them.
  const isOneOfSeveral = error.keyword === 'type' && POSSIBILITY.test(error.schemaPath);
  if (isOneOfSeveral && description !== undefined) return `is not as it should be. ${description}`;
  const explained = description === undefined ? '' : `. ${description}`;
  return `is not as it should be: it ${messageOf(error)}${explained}`;
}

function messageOf(error: TLocalizedValidationError): string {
  switch (error.keyword) {
    case 'type':
      return `must be ${typesOf(error.params.type)}`;
    case 'enum':
      return `must be one of ${error.params.allowedValues.join(', ')}`;
    case 'required':
      return `must have ${error.params.requiredProperties.map((name) => JSON.stringify(name)).join(' and ')}`;
    default:
      return error.message;
  }
}

function typesOf(types: string | readonly string[]): string {
  return [types]
    .flat()
    .map((type) => TYPES[type] ?? type)
    .join(' or ');
}
