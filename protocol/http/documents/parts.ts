/** What every document tells of an endpoint, worked out of its declaration. */
import { VALUE_TYPES } from '../content.js';
import type { Endpoint, EndpointDocument } from '../endpoint.js';

type Group = EndpointDocument['group'];

/** Groups in the order in which they are shown, with their headings. */
export const GROUP_TITLES: Readonly<Record<Group, string>> = {
  users: 'Users',
  tags: 'Tags',
  audiences: 'Audiences',
  persistence: 'Data folder',
  server: 'Server',
};
export const GROUPS = Object.keys(GROUP_TITLES) as Group[];

/** What parameters of paths are, where an endpoint says nothing else. */
const USUAL_PARAMETERS: Readonly<Record<string, string>> = {
  id: "The user's id: 1 to 255 bytes, percent-encoded.",
  name: 'The name, percent-encoded.',
};

/** Parameters of the path with what they are, in their order. */
export function pathParameters({ path, document }: Endpoint): [name: string, description: string][] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [
    name!,
    document.parameters?.[name!] ?? USUAL_PARAMETERS[name!] ?? '',
  ]);
}

/** A successful answer. */
export interface AnswerStatus {
  readonly status: number;
  readonly description: string;
  readonly hasBody: boolean;
}

/** How an endpoint answers if all goes well. */
export function statusesOf({ statuses, answer, rawAnswer }: EndpointDocument): AnswerStatus[] {
  const hasAnswer = answer !== undefined || rawAnswer !== undefined;
  const usual = hasAnswer
    ? { 200: rawAnswer?.description ?? 'The answer.' }
    : { 204: 'Done; there is nothing to say.' };
  return Object.entries(statuses ?? usual).map(([status, description]) => ({
    status: Number(status),
    description,
    hasBody: hasAnswer && status !== '204' && status !== '304',
  }));
}

/** Media types of the answer other than those of values, if it can be a value. */
export function otherTypes({ answer, rawAnswer }: EndpointDocument): readonly string[] {
  const types = rawAnswer?.types ?? [];
  return answer === undefined ? types : types.filter((type) => !VALUE_TYPES.includes(type));
}
