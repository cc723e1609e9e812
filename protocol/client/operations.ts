/** Made from the declarations of the endpoints by `npm run docs`; do not edit. */
import type { Operation } from './types.js';

/** The operations of the API, each a method of the client. */
export interface Operations {
  /**
   * A user's tags: those asked for, or all.
   * `GET /v1/users/{id}/tags`
   */
  getUserTags: Operation<'getUserTags'>;
  /**
   * Gives a user tags and takes others away: all of that, or, if there is an error, nothing.
   * `PATCH /v1/users/{id}/tags`
   */
  changeUserTags: Operation<'changeUserTags'>;
  /**
   * Erases a user, id and all.
   * `DELETE /v1/users/{id}`
   */
  eraseUser: Operation<'eraseUser'>;
  /**
   * Takes all tags from a user, who is no more then: the same as erasing the user.
   * `DELETE /v1/users/{id}/tags`
   */
  removeUserTags: Operation<'removeUserTags'>;
  /**
   * Tags of up to 10,000 users in one call, in the order of their ids.
   * `POST /v1/users/lookup`
   */
  lookUpUsers: Operation<'lookUpUsers'>;
  /**
   * The saved audiences that a user is in.
   * `GET /v1/users/{id}/audiences`
   */
  getUserAudiences: Operation<'getUserAudiences'>;
  /**
   * Tags, by name.
   * `GET /v1/tags`
   */
  listTags: Operation<'listTags'>;
  /**
   * A tag's kind, users, values, memory, and how old its list is.
   * `GET /v1/tags/{name}`
   */
  getTag: Operation<'getTag'>;
  /**
   * Declares a tag of a kind, or converts an existing one if all of its values allow it.
   * `PUT /v1/tags/{name}`
   */
  declareTag: Operation<'declareTag'>;
  /**
   * Takes a tag from all of its users and forgets it, its declaration too.
   * `DELETE /v1/tags/{name}`
   */
  dropTag: Operation<'dropTag'>;
  /**
   * How many users have each value of a tag, or a number in each of some ranges.
   * `GET /v1/tags/{name}/distribution`
   */
  tagDistribution: Operation<'tagDistribution'>;
  /**
   * Figures of a number tag.
   * `GET /v1/tags/{name}/stats`
   */
  tagStatistics: Operation<'tagStatistics'>;
  /**
   * Gives users a tag, or one value of it.
   * `POST /v1/tags/{name}/users`
   */
  addTagUsers: Operation<'addTagUsers'>;
  /**
   * Takes a tag, or one value of it, from users.
   * `DELETE /v1/tags/{name}/users`
   */
  removeTagUsers: Operation<'removeTagUsers'>;
  /**
   * Makes a list of users a tag's next version: they have it from then on, and nobody else.
   * `PUT /v1/tags/{name}/users`
   */
  replaceTagUsers: Operation<'replaceTagUsers'>;
  /**
   * Prepares a list of users to be a tag's next version, and publishes nothing.
   * `POST /v1/tags/{name}/drafts`
   */
  prepareTagUsers: Operation<'prepareTagUsers'>;
  /**
   * The versions of a tag, the oldest first.
   * `GET /v1/tags/{name}/versions`
   */
  listTagVersions: Operation<'listTagVersions'>;
  /**
   * Makes a tag what it was when it had a version, by default the one before the current.
   * `POST /v1/tags/{name}/rollback`
   */
  rollBackTag: Operation<'rollBackTag'>;
  /**
   * How a version of a tag differs from an earlier one; with a side, who.
   * `GET /v1/tags/{name}/diff`
   */
  compareTagVersions: Operation<'compareTagVersions'>;
  /**
   * What lists of a tag must be like to be published by themselves, and how old the tag may become.
   * `GET /v1/tags/{name}/policy`
   */
  getTagPolicy: Operation<'getTagPolicy'>;
  /**
   * Changes a tag's policy.
   * `PUT /v1/tags/{name}/policy`
   */
  setTagPolicy: Operation<'setTagPolicy'>;
  /**
   * The releases that are known, the oldest first.
   * `GET /v1/releases`
   */
  listReleases: Operation<'listReleases'>;
  /**
   * Publishes lists of several tags as one release: all of them become visible at once.
   * `POST /v1/releases`
   */
  publishRelease: Operation<'publishRelease'>;
  /**
   * Takes a release back: each of its tags becomes what it was before, all at once, or none.
   * `POST /v1/releases/{release}/rollback`
   */
  rollBackRelease: Operation<'rollBackRelease'>;
  /**
   * Versions that are held because they break a policy, the oldest first.
   * `GET /v1/held`
   */
  listHeld: Operation<'listHeld'>;
  /**
   * Publishes a version that is held, together with the others of its release that are.
   * `POST /v1/held/{draft}/publish`
   */
  publishHeld: Operation<'publishHeld'>;
  /**
   * Forgets a version that is held, or a list that was prepared.
   * `DELETE /v1/held/{draft}`
   */
  discardHeld: Operation<'discardHeld'>;
  /**
   * How many users an expression has.
   * `POST /v1/audiences/count`
   */
  countUsers: Operation<'countUsers'>;
  /**
   * Which of some users an expression has.
   * `POST /v1/audiences/test`
   */
  testUsers: Operation<'testUsers'>;
  /**
   * Counts the users of an expression and tells how that was done.
   * `POST /v1/audiences/explain`
   */
  explainCount: Operation<'explainCount'>;
  /**
   * How much audiences have in common, each with each.
   * `POST /v1/audiences/overlap`
   */
  compareAudiences: Operation<'compareAudiences'>;
  /**
   * How many users are in none, in one, in two … of some audiences.
   * `POST /v1/audiences/reach`
   */
  reachOfAudiences: Operation<'reachOfAudiences'>;
  /**
   * Saved audiences, by name.
   * `GET /v1/audiences`
   */
  listAudiences: Operation<'listAudiences'>;
  /**
   * A saved audience.
   * `GET /v1/audiences/{name}`
   */
  getAudience: Operation<'getAudience'>;
  /**
   * Saves an audience, or gives one another expression, or other users.
   * `PUT /v1/audiences/{name}`
   */
  saveAudience: Operation<'saveAudience'>;
  /**
   * Changes what is noted of an audience, or gives it another name.
   * `PATCH /v1/audiences/{name}`
   */
  changeAudience: Operation<'changeAudience'>;
  /**
   * Forgets an audience that no other one uses.
   * `DELETE /v1/audiences/{name}`
   */
  deleteAudience: Operation<'deleteAudience'>;
  /**
   * The users of a saved audience.
   * `GET /v1/audiences/{name}/users`
   */
  listAudienceUsers: Operation<'listAudienceUsers'>;
  /**
   * The users of an expression.
   * `POST /v1/audiences/users`
   */
  findUsers: Operation<'findUsers'>;
  /**
   * The users who have a tag, or one value of it.
   * `GET /v1/tags/{name}/users`
   */
  listTagUsers: Operation<'listTagUsers'>;
  /**
   * All users.
   * `GET /v1/users`
   */
  listUsers: Operation<'listUsers'>;
  /**
   * How the data folder fares; null when everything is in memory only.
   * `GET /v1/persistence`
   */
  getPersistence: Operation<'getPersistence'>;
  /**
   * Begins a snapshot of the data folder, which another thread writes; the journals before it go.
   * `POST /v1/persistence/snapshot`
   */
  startSnapshot: Operation<'startSnapshot'>;
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
  getUserTags: {
    method: 'GET',
    path: '/v1/users/{id}/tags',
    query: ['tags'],
  },
  changeUserTags: {
    method: 'PATCH',
    path: '/v1/users/{id}/tags',
    query: [],
    body: 'value',
  },
  eraseUser: {
    method: 'DELETE',
    path: '/v1/users/{id}',
    query: [],
  },
  removeUserTags: {
    method: 'DELETE',
    path: '/v1/users/{id}/tags',
    query: [],
  },
  lookUpUsers: {
    method: 'POST',
    path: '/v1/users/lookup',
    query: [],
    body: 'value',
  },
  getUserAudiences: {
    method: 'GET',
    path: '/v1/users/{id}/audiences',
    query: ['names'],
  },
  listTags: {
    method: 'GET',
    path: '/v1/tags',
    query: ['match', 'limit', 'cursor'],
  },
  getTag: {
    method: 'GET',
    path: '/v1/tags/{name}',
    query: [],
  },
  declareTag: {
    method: 'PUT',
    path: '/v1/tags/{name}',
    query: [],
    body: 'value',
  },
  dropTag: {
    method: 'DELETE',
    path: '/v1/tags/{name}',
    query: [],
  },
  tagDistribution: {
    method: 'GET',
    path: '/v1/tags/{name}/distribution',
    query: ['of', 'ranges', 'timeout'],
  },
  tagStatistics: {
    method: 'GET',
    path: '/v1/tags/{name}/stats',
    query: ['of', 'timeout'],
  },
  addTagUsers: {
    method: 'POST',
    path: '/v1/tags/{name}/users',
    query: ['value'],
    body: 'ids',
  },
  removeTagUsers: {
    method: 'DELETE',
    path: '/v1/tags/{name}/users',
    query: ['value'],
    body: 'ids',
  },
  replaceTagUsers: {
    method: 'PUT',
    path: '/v1/tags/{name}/users',
    query: ['value', 'unknown', 'release', 'source', 'force'],
    body: 'ids',
  },
  prepareTagUsers: {
    method: 'POST',
    path: '/v1/tags/{name}/drafts',
    query: ['value', 'unknown'],
    body: 'ids',
  },
  listTagVersions: {
    method: 'GET',
    path: '/v1/tags/{name}/versions',
    query: [],
  },
  rollBackTag: {
    method: 'POST',
    path: '/v1/tags/{name}/rollback',
    query: [],
    body: 'value',
  },
  compareTagVersions: {
    method: 'GET',
    path: '/v1/tags/{name}/diff',
    query: ['from', 'to', 'side', 'limit', 'cursor'],
  },
  getTagPolicy: {
    method: 'GET',
    path: '/v1/tags/{name}/policy',
    query: [],
  },
  setTagPolicy: {
    method: 'PUT',
    path: '/v1/tags/{name}/policy',
    query: [],
    body: 'value',
  },
  listReleases: {
    method: 'GET',
    path: '/v1/releases',
    query: [],
  },
  publishRelease: {
    method: 'POST',
    path: '/v1/releases',
    query: [],
    body: 'value',
  },
  rollBackRelease: {
    method: 'POST',
    path: '/v1/releases/{release}/rollback',
    query: [],
  },
  listHeld: {
    method: 'GET',
    path: '/v1/held',
    query: ['tag'],
  },
  publishHeld: {
    method: 'POST',
    path: '/v1/held/{draft}/publish',
    query: [],
  },
  discardHeld: {
    method: 'DELETE',
    path: '/v1/held/{draft}',
    query: [],
  },
  countUsers: {
    method: 'POST',
    path: '/v1/audiences/count',
    query: [],
    body: 'value',
  },
  testUsers: {
    method: 'POST',
    path: '/v1/audiences/test',
    query: [],
    body: 'value',
  },
  explainCount: {
    method: 'POST',
    path: '/v1/audiences/explain',
    query: [],
    body: 'value',
  },
  compareAudiences: {
    method: 'POST',
    path: '/v1/audiences/overlap',
    query: [],
    body: 'value',
  },
  reachOfAudiences: {
    method: 'POST',
    path: '/v1/audiences/reach',
    query: [],
    body: 'value',
  },
  listAudiences: {
    method: 'GET',
    path: '/v1/audiences',
    query: ['match', 'limit', 'cursor'],
  },
  getAudience: {
    method: 'GET',
    path: '/v1/audiences/{name}',
    query: [],
  },
  saveAudience: {
    method: 'PUT',
    path: '/v1/audiences/{name}',
    query: [],
    body: 'value',
  },
  changeAudience: {
    method: 'PATCH',
    path: '/v1/audiences/{name}',
    query: [],
    body: 'value',
  },
  deleteAudience: {
    method: 'DELETE',
    path: '/v1/audiences/{name}',
    query: [],
  },
  listAudienceUsers: {
    method: 'GET',
    path: '/v1/audiences/{name}/users',
    query: ['limit', 'cursor', 'after', 'tags', 'ordinals', 'timeout', 'version', 'release'],
  },
  findUsers: {
    method: 'POST',
    path: '/v1/audiences/users',
    query: [],
    body: 'value',
  },
  listTagUsers: {
    method: 'GET',
    path: '/v1/tags/{name}/users',
    query: ['value', 'limit', 'cursor', 'after', 'tags', 'ordinals', 'timeout', 'version', 'release'],
  },
  listUsers: {
    method: 'GET',
    path: '/v1/users',
    query: ['limit', 'cursor', 'after', 'tags', 'ordinals', 'timeout'],
  },
  getPersistence: {
    method: 'GET',
    path: '/v1/persistence',
    query: [],
  },
  startSnapshot: {
    method: 'POST',
    path: '/v1/persistence/snapshot',
    query: ['wait'],
  },
};
