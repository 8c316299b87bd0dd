// Paths of sockets on the machine of a proxy. The rule: one plain path, and never a socket of the mesh itself: behind those is every key.
import { quote } from '../decode/quote.ts';
import type { Complaint } from '../decode/walk.ts';

const form = /^\/[\u0021-\u007e]{1,107}$/;
/** Names of the mesh's own sockets, in whatever directory they are. */
const own = /(^|\/)(control|admin|xds|agent)\.sock$/i;
/** The same files under other names. */
const detour = /\/\/|\/\.{1,2}(\/|$)|\/$|^\/(proc|dev\/fd)(\/|$)/;

/** Whether a text ends like the path of a socket of the mesh. */
export const namesOwnSocket = (text: string): boolean => own.test(text);

/** What is wrong with a path of a socket; undefined: nothing. */
export function complainOfSocket(path: string): Complaint | undefined {
  if (!form.test(path)) {
    return {
      code: 'invalid-address',
      message: `${quote(`unix://${path}`)} is not the path of a socket`,
      remedy: 'write unix:///ABSOLUTE/PATH, at most 108 characters of path, without spaces',
    };
  }
  if (namesOwnSocket(path)) {
    return {
      code: 'protected-socket',
      message: `${quote(path)} has the name of a socket of the mesh itself, and traffic must not get there`,
      remedy: 'give the socket of the application another name than control, admin, xds or agent.sock',
    };
  }
  if (!detour.test(path)) return undefined;
  return {
    code: 'protected-socket',
    message: `${quote(path)} may be another path than it reads`,
    remedy: 'write the path without //, /./, /../ and outside of /proc and /dev/fd',
  };
}
