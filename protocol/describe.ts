/** The reference in docs/, made from the declarations. `npm run docs` writes it; a test fails when it is stale. */
import { optionEnv, optionFlag, optionRows } from '../src/options.js';
import type { ArgumentDoc } from './arguments.js';
import { arityOf, type Command, categoriesOf } from './command.js';
import type { Endpoint } from './http/endpoint.js';
import { flattenDocs } from './key-specs.js';

const GROUP_TITLES: Record<Command['group'], string> = {
  hash: 'Hashes: users',
  set: 'Sets: tags',
  keys: 'Keys',
  tag: 'Tags',
  segment: 'Segments',
  transactions: 'Transactions',
  connection: 'Connection',
  server: 'Server',
};

/** docs/commands.md; `endpoints` are those of docs/http-api.md, which say what commands they stand for. */
export function commandsMarkdown(commands: readonly Command[], endpoints: readonly Endpoint[]): string {
  const groups = Object.entries(GROUP_TITLES) as [Command['group'], string][];
  const sections = groups.map(([group, title]) => {
    const members = commands.filter((command) => command.group === group);
    const texts = members.map((member) => commandMarkdown(member, endpoints));
    return `## ${title}\n\n${texts.join('\n')}`;
  });
  return `# Commands

Made from the declarations by \`npm run docs\`; do not edit. ${commands.length} commands. Whatever is not noted as
different behaves as in Redis. Expressions, and audiences as sets, are explained in [audiences.md](audiences.md).

${sections.join('\n')}`;
}

function commandMarkdown(command: Command, endpoints: readonly Endpoint[]): string {
  const lines = [
    `### \`${syntaxOf(command)}\``,
    '',
    command.summary,
    '',
    `- reply: ${command.replyShape}`,
    `- complexity: ${command.complexity}`,
    `- arity ${arityOf(command)}; ${categoriesOf(command)
      .map((category) => `@${category}`)
      .join(' ')}`,
  ];
  const same = endpoints.filter(({ document }) => document.command === command.name);
  if (same.length > 0) lines.push(`- HTTP: ${same.map(linkTo).join(', ')}`);
  if (command.differs !== undefined) lines.push(`- differs from Redis: ${command.differs}`);
  return `${lines.join('\n')}\n`;
}

/** A link to an endpoint's heading, as GitHub names those. */
function linkTo({ method, path }: Endpoint): string {
  const title = `${method} ${path}`;
  const anchor = title
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');
  return `[\`${title}\`](http-api.md#${anchor})`;
}

/** The command as one would type it: `HSET key field value [field value ...]`. */
export function syntaxOf({ name, argumentDocs }: Command): string {
  return `${name} ${sequence(argumentDocs)}`.trimEnd();
}

function sequence(docs: readonly ArgumentDoc[]): string {
  return flattenDocs(docs).map(argumentSyntax).join(' ');
}

function argumentSyntax(doc: ArgumentDoc): string {
  const inner = innerSyntax(doc);
  const text = doc.token === undefined || doc.type === 'pure-token' ? inner : `${doc.token} ${inner}`;
  const repeated = doc.multiple === true ? `${text} [${inner} ...]` : text;
  return doc.optional === true ? `[${repeated}]` : repeated;
}

function innerSyntax(doc: ArgumentDoc): string {
  if (doc.type === 'pure-token') return doc.token ?? doc.name;
  if (doc.type === 'block') return sequence(doc.arguments!);
  if (doc.type !== 'oneof') return doc.name;
  const choice = doc.arguments!.map((part) => sequence([part])).join(' | ');
  return doc.optional === true && doc.token === undefined ? choice : `<${choice}>`;
}

/** docs/options.md */
export function optionsMarkdown(): string {
  const rows = optionRows.map(([name, row]) => {
    const value = row.default === '' ? 'empty' : `\`${row.default}\``;
    const choices = row.choices === undefined ? '' : ` (${row.choices.join(', ')})`;
    const range = row.min === undefined ? choices : ` (${row.min} to ${row.max})`;
    const when = row.mutable ? 'yes' : 'no';
    const where = row.scope === 'engine' ? '`openEngine`' : '`startServer`';
    return `| \`--${optionFlag(name)}\` | \`${optionEnv(name)}\` | ${where} \`${name}\` | ${value} | ${when} | ${row.doc}${range} |`;
  });
  return `# Options

Made from the table in src/options.ts by \`npm run docs\`; do not edit. CONFIG GET and SET use the flag's name without the
dashes. A flag goes before the environment.

| flag | environment | in the process | default | CONFIG SET | what it is |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}
