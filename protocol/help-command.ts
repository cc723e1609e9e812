/** `X HELP` for a command with subcommands, made from their declarations. */
import { type Command, type CommandGroup, command } from './command.js';
import { syntaxOf } from './describe.js';
import * as replies from './replies.js';

/** Declares HELP for the subcommands of `container`. */
export function helpCommand(container: string, group: CommandGroup): Command {
  return command({
    name: `${container} HELP`,
    summary: `What the subcommands of ${container} do.`,
    group,
    complexity: 'O(N), N the subcommands',
    flags: ['loading'],
    arguments: {},
    reply: replies.array(replies.simple),
    run({ server }) {
      const commands = Array.from(server.commands.entries.values(), ({ command: member }) => member);
      return helpLines(
        container,
        commands.filter(({ words }) => words[0] === container),
      );
    },
  });
}

function helpLines(container: string, members: readonly Command[]): string[] {
  const lines = [`${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`];
  for (const member of members) {
    lines.push(syntaxOf(member).slice(container.length + 1) || '(no subcommand)', `    ${member.summary}`);
  }
  return lines;
}
