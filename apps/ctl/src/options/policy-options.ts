// Options about who may ask the policy service for what.
import { InvalidArgumentError, Option } from 'commander';

const asks = ['check', 'report', 'quota'] as const;
export type Ask = (typeof asks)[number];

const isAsk = (text: string): text is Ask => asks.some((ask) => ask === text);

/** What programs of this machine may ask for that do not say who they are. */
export const anonymousOption = (): Option =>
  new Option(
    '--anonymous <what>',
    'what programs of this machine may ask the policy service for without a token or certificate: all, none, or some of check,report,quota (default: all)',
  ).argParser((text: string): readonly Ask[] => {
    if (text === 'all') return asks;
    const said = text === 'none' ? [] : text.split(',');
    const known = said.filter(isAsk);
    if (known.length === said.length) return known;
    throw new InvalidArgumentError('write all, none, or some of check,report,quota.');
  });

/** The same words for another process. */
export const anonymousArguments = (may: readonly string[] | undefined): readonly string[] =>
  may === undefined ? [] : ['--anonymous', may.length === 0 ? 'none' : may.join()];
