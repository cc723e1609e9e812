// Writes the generated reference into docs/, and what the client knows of the endpoints.
import { writeFileSync } from 'node:fs';
import { commandsMarkdown, optionsMarkdown } from '../dist/protocol/describe.js';
import { apiMarkdown } from '../dist/protocol/http/documents/api-markdown.js';
import { clientOperations } from '../dist/protocol/http/documents/client-operations.js';
import { referenceOf } from '../dist/protocol/http/documents/reference.js';
import { allEndpoints, clientEndpoints } from '../dist/protocol/http/endpoints/index.js';
import { metricsMarkdown } from '../dist/protocol/metrics/describe-metrics.js';
import { allCommands } from '../dist/protocol/registry.js';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('commands.md', docs), commandsMarkdown(allCommands, allEndpoints));
writeFileSync(new URL('options.md', docs), optionsMarkdown());
writeFileSync(new URL('metrics.md', docs), metricsMarkdown());
writeFileSync(new URL('http-api.md', docs), apiMarkdown(referenceOf(allEndpoints)));
const client = new URL('../protocol/client/', import.meta.url);
writeFileSync(new URL('operations.ts', client), clientOperations(clientEndpoints));
