/** protocol/client/operations.ts: what the client knows of the endpoints when it runs. It must not import them. */
import type { Endpoint } from '../endpoint.js';

const TYPES = "'./types.js'";

/** The whole file. */
export function clientOperations(endpoints: readonly Endpoint[]): string {
  return `/** Made from the declarations of the endpoints by \`npm run docs\`; do not edit. */
import type { Operation } from ${TYPES};

/** The operations of the API, each a method of the client. */
export interface Operations {
${endpoints.map(member).join('\n')}
}

/** How an operation is called. */
export interface OperationRow {
  readonly method: string;
  /** With names of parameters in braces. */
  readonly path: string;
  /** Names of the parameters behind the question mark. */
  readonly query: readonly string[];
  /** What the body is, if there is one: a value, or a list of ids. */
  readonly body?: 'value' | 'ids';
}

export const operations: Readonly<Record<keyof Operations, OperationRow>> = {
${endpoints.map(row).join('\n')}
};
`;
}

function member({ method, path, document }: Endpoint): string {
  const lines = [...document.summary.split('\n'), `\`${method} ${path}\``];
  return `  /**\n${lines.map((line) => `   * ${line}`).join('\n')}\n   */\n  ${document.id}: Operation<'${document.id}'>;`;
}

function row({ method, path, document }: Endpoint): string {
  const { id, query = {}, body, rawBody } = document;
  const names = Object.keys(query).map((name) => `'${name}'`);
  const kind =
    body !== undefined ? `\n    body: 'value',` : rawBody !== undefined ? `\n    body: 'ids',` : '';
  return `  ${id}: {
    method: '${method}',
    path: '${path}',
    query: [${names.join(', ')}],${kind}
  },`;
}
