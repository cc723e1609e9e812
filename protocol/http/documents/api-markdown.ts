/** docs/http-api.md: the API in Markdown. */
import { ABOUT_ERRORS, INTRODUCTION } from './introduction.js';
import type {
  ContentText,
  EndpointText,
  ExampleText,
  Reference,
  ShapeText,
  StatusErrors,
} from './reference.js';
import type { PropertyText } from './schema-text.js';

/** The whole file. */
export function apiMarkdown(reference: Reference): string {
  const { groups, shapes, errors, errorsOfAny, errorsOfBodies } = reference;
  const count = groups.reduce((sum, { endpoints }) => sum + endpoints.length, 0);
  const sections = [
    ...groups.map(({ title, endpoints }) => `## ${title}\n\n${endpoints.map(endpointPart).join('\n\n')}`),
    `## Shapes\n\n${shapes.map(shapePart).join('\n\n')}`,
    `## Errors\n\n${ABOUT_ERRORS}\n\n${errorsTable(errors)}\n\n- Any request: ${errorsLine(errorsOfAny)}\n- Any request with a body, besides: ${errorsLine(errorsOfBodies)}`,
  ];
  return `# HTTP API

Made from the declarations by \`npm run docs\`; do not edit. ${count} endpoints; a server shows the same at \`/docs\`, and as an
OpenAPI 3.1 document at \`/openapi.json\`. What all of them have in common is explained in [http.md](http.md).
The examples work with the sample, as \`segmentd serve --sample\` serves it.

${INTRODUCTION.map((text) => `- ${text}`).join('\n')}

${sections.join('\n\n')}
`;
}

function endpointPart(endpoint: EndpointText): string {
  const { id, isInClient, method, path, summary, description, command, parameters, examples } = endpoint;
  const others = command === undefined ? '' : `; over RESP [\`${command}\`](commands.md)`;
  const parts = [
    `### \`${method} ${path}\``,
    summary,
    description,
    isInClient ? `In the client \`${id}\`${others}` : undefined,
    parameters.length === 0
      ? undefined
      : table(
          ['parameter', 'in', 'type', 'what it is'],
          parameters.map(({ name, place, type, description }) => [
            code(name),
            place,
            code(type),
            description,
          ]),
        ),
    contentPart('Body', endpoint.body),
    ...answerParts(endpoint),
    ...examples.map(examplePart),
    endpoint.errors.length === 0 ? undefined : `**Errors** of its own: ${errorsLine(endpoint.errors)}`,
  ];
  return parts.filter((part) => part !== undefined).join('\n\n');
}

function answerParts({ statuses, answer, answerHeaders }: EndpointText): (string | undefined)[] {
  const notes = [
    ...statuses.map(({ status, description }) => `- ${status}: ${description}`),
    ...answerHeaders.map(([name, description]) => `- header \`${name}\`: ${description}`),
  ];
  return [
    answer === undefined ? '**Answer**' : contentPart('Answer', answer),
    notes.length === 0 ? undefined : notes.join('\n'),
  ];
}

function contentPart(title: string, content: ContentText | undefined): string | undefined {
  if (content === undefined) return undefined;
  const { mediaTypes, isValue, type, description, properties, isOptional } = content;
  const parts = [
    `**${title}**${isOptional ? ', may be left out' : ''}`,
    type === undefined ? undefined : code(type),
    description === '' ? undefined : description,
    properties === undefined ? undefined : propertiesTable(properties),
    mediaTypes.length === 0
      ? undefined
      : `${isValue ? 'Or as' : 'Types:'} ${mediaTypes.map(code).join(', ')}`,
  ];
  return parts.filter((part) => part !== undefined).join('\n\n');
}

function propertiesTable(properties: readonly PropertyText[]): string {
  return table(
    ['property', 'type', 'what it is'],
    properties.map(({ name, type, isRequired, description }) => [
      code(`${name}${isRequired ? '' : '?'}`),
      code(type),
      description,
    ]),
  );
}

function examplePart({ title, command, answer }: ExampleText): string {
  const given = answer === undefined ? '' : `\n${answer}`;
  // As it is: a line of text in a body may not move.
  return `${title}:\n\n\`\`\`console\n$ ${command}${given.replace(/\n$/, '')}\n\`\`\``;
}

function shapePart({ name, description, types, properties }: ShapeText): string {
  const body =
    properties === undefined ? `\`\`\`ts\n${types.join('\n| ')}\n\`\`\`` : propertiesTable(properties);
  return [`### \`${name}\``, description, body].filter((part) => part !== '').join('\n\n');
}

function errorsLine(errors: readonly StatusErrors[]): string {
  return errors.map(([status, codes]) => `${status} ${codes.map(code).join(' ')}`).join(', ');
}

function errorsTable(errors: readonly StatusErrors[]): string {
  return table(
    ['status', 'codes'],
    errors.map(([status, codes]) => [String(status), codes.map(code).join(', ')]),
  );
}

function code(text: string): string {
  return `\`${text}\``;
}

/** In cells, a bar ends the cell even inside of code. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(heads), `|${heads.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}
