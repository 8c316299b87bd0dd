// Why a port is not open.
import { fail, type Result } from '@xebec/std';

export const cannotListen = (address: string, reason: string): Result<never> =>
  fail({
    severity: 'error',
    code: 'cannot-listen',
    message: `cannot listen on ${address}: ${reason}`,
    remedy: 'choose another address, or stop what uses this one',
  });
