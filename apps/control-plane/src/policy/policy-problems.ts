// What policy services find wrong with objects that were accepted, as problems of the objects.
import type { ObjectKey } from '@xebec/model';
import type { Store } from '@xebec/store';
import type { ObjectProblem } from '../verification/filter-problems.ts';
import type { PolicyServices } from './policy-services.ts';

export function policyProblems(
  services: Pick<PolicyServices, 'problems'>,
  store: Pick<Store, 'locate'>,
  key: ObjectKey,
): readonly ObjectProblem[] {
  return services.problems(key).map(({ code, message, remedy, field }) => {
    const origin = store.locate(key, ...(field === '' ? [] : [field]));
    return {
      ...(origin === undefined ? {} : { origin }),
      severity: 'error',
      code,
      ...(field === '' ? {} : { field }),
      message,
      ...(remedy === '' ? {} : { remedy }),
      proxies: [],
    };
  });
}
