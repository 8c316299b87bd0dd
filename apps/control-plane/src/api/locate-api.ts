// Where a cause was written: for those who keep records of what it did.
import { formatOrigin } from '@xebec/std';
import type { FastifyInstance } from 'fastify';
import type { ControlPlaneContext } from '../context.ts';
import { locateCause } from './responses.ts';

const query = {
  type: 'object',
  required: ['cause'],
  properties: { cause: { type: 'string', maxLength: 1_024 } },
};

export function addLocateRoutes(server: FastifyInstance, context: ControlPlaneContext): void {
  server.get<{ Querystring: { cause: string } }>(
    '/v1/locate',
    { schema: { querystring: query } },
    ({ query: { cause } }, reply) => {
      const origin = locateCause(context.store, cause);
      return origin === undefined
        ? reply.code(404).send({ message: 'there is no such object' })
        : { origin, place: formatOrigin(origin) };
    },
  );
}
