// Writes the generated reference into docs/.
import { writeFileSync } from 'node:fs';
import { commandsMarkdown, optionsMarkdown } from '../dist/protocol/describe.js';
import { metricsMarkdown } from '../dist/protocol/metrics/describe-metrics.js';
import { allCommands } from '../dist/protocol/registry.js';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('commands.md', docs), commandsMarkdown(allCommands));
writeFileSync(new URL('options.md', docs), optionsMarkdown());
writeFileSync(new URL('metrics.md', docs), metricsMarkdown());
