// A rotation on disk: `rotation.json` says how far it is, `next/` holds the issuer to come. Every file is replaced whole, and what a stage demands of the files is made true again at every start: a kill between two writes loses nothing.
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import {
  type AuthorityFiles,
  damaged,
  FILE,
  type FileName,
  readAuthorityFiles,
  replaceFile,
  unwritableAuthority,
} from '../authority/authority-files.ts';
import { refuse } from '../refusal.ts';
import { isGoal, isStage, type Rotation, rootsAt } from './rotation-plan.ts';

const STATE = 'rotation.json';
const NEXT = 'next';

export const nextDirectory = (directory: string): string => path.join(directory, NEXT);

/** The rotation that was under way; undefined where there is none. */
export function readRotation(directory: string): Result<Rotation | undefined> {
  const file = path.join(directory, STATE);
  if (!fs.existsSync(file)) return succeed(undefined);
  const rotation = parseRotation(fs.readFileSync(file, 'utf8'));
  return rotation === undefined ? refuse(damaged(file, 'not the record of a rotation')) : succeed(rotation);
}

function parseRotation(text: string): Rotation | undefined {
  const value: unknown = parseJson(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const field = (name: string): unknown => Reflect.get(value, name);
  const words = (name: string): string | undefined => asText(field(name));
  const [id, kind, stage, goal] = [words('id'), field('kind'), field('stage'), field('goal')];
  const [oldIssuer, newIssuer] = [words('oldIssuer'), words('newIssuer')];
  const [oldRootsPem, newRootsPem] = [asTexts(field('oldRootsPem')), asTexts(field('newRootsPem'))];
  const [startedAtMs, stageSinceMs] = [Number(field('startedAtMs')), Number(field('stageSinceMs'))];
  if (id === undefined || !isStage(stage) || !isGoal(goal)) return undefined;
  if (kind !== 'root' && kind !== 'intermediate') return undefined;
  if (oldIssuer === undefined || newIssuer === undefined) return undefined;
  if (oldRootsPem === undefined || newRootsPem === undefined) return undefined;
  return {
    ...{ id, kind, stage, goal, startedAtMs, stageSinceMs },
    ...{ oldIssuer, newIssuer, oldRootsPem, newRootsPem },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function asTexts(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const texts = value.flatMap((each) => asText(each) ?? []);
  return texts.length === value.length ? texts : undefined;
}

/** Records a stage before anything acts on it. */
export function writeRotation(directory: string, rotation: Rotation): Result<void> {
  return attempt(directory, () =>
    replaceFile(path.join(directory, STATE), `${JSON.stringify(rotation, undefined, 2)}\n`),
  );
}

/** Makes the files what the stage says; a rotation that was never recorded leaves nothing. */
export function settleFiles(directory: string, rotation: Rotation | undefined): Result<void> {
  return attempt(directory, () => {
    const next = nextDirectory(directory);
    if (rotation === undefined) {
      fs.rmSync(next, { recursive: true, force: true });
      return;
    }
    if (rotation.stage === 'retire') takeOver(directory, next);
    replaceFile(path.join(directory, FILE.root), rootsAt(rotation).join(''));
    if (rotation.stage === 'discard') fs.rmSync(next, { recursive: true, force: true });
  });
}

/** The rotation is over: nothing of it stays but the authority it ended with. */
export function forgetRotation(directory: string): Result<void> {
  return attempt(directory, () => {
    fs.rmSync(nextDirectory(directory), { recursive: true, force: true });
    fs.rmSync(path.join(directory, STATE), { force: true });
  });
}

const ALL: readonly FileName[] = [FILE.rootKey, FILE.key, FILE.certificate, FILE.chain];

/** The files of `next` take the place of the old ones; repeated until it was done whole. */
function takeOver(directory: string, next: string): void {
  const read = readAuthorityFiles(next);
  const files: AuthorityFiles | undefined = read.ok ? read.value : undefined;
  if (files === undefined) return;
  for (const name of ALL) {
    const text = files[name];
    if (text === undefined) fs.rmSync(path.join(directory, name), { force: true });
    else replaceFile(path.join(directory, name), text);
  }
}

function attempt(directory: string, step: () => void): Result<void> {
  try {
    step();
    return succeed(undefined);
  } catch (error) {
    return refuse(unwritableAuthority(directory, error));
  }
}
