/** A process of its own: the look-up as one would build it from fastify, ioredis and redis-server. Arguments: port, Redis's port, auto-pipelining (0 or 1). */
import { fastify } from 'fastify';
import { Redis } from 'ioredis';

const [port, redisPort, isPipelined] = process.argv.slice(2).map(Number) as [number, number, number];
const redis = new Redis(redisPort, '127.0.0.1', { enableAutoPipelining: isPipelined === 1 });
const app = fastify();
app.get<{ Params: { id: string }; Querystring: { tags: string } }>('/v1/users/:id/tags', async (request) => {
  const { id } = request.params;
  const names = request.query.tags.split(',');
  const values = await redis.hmget(`user:${id}`, ...names);
  return {
    id,
    tags: Object.fromEntries(names.map((name, i) => [name, values[i] === '1' ? true : values[i]])),
  };
});
await app.listen({ port, host: '127.0.0.1' });
