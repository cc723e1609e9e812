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
   * A tag's kind, users, values and memory.
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
    query: ['limit', 'cursor', 'after', 'tags', 'ordinals', 'timeout'],
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
    query: ['value', 'limit', 'cursor', 'after', 'tags', 'ordinals', 'timeout'],
  },
  listUsers: {
    method: 'GET',
    path: '/v1/users',
    query: ['limit', 'cursor', 'after', 'tags', 'ordinals', 'timeout'],
  },
};
