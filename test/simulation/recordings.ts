/**
 * Recordings of real machines and users, read where they are at hand: a day of the CPU of 1,052 machines of PlanetLab (a
 * figure each five minutes), and when requests came to a service of Azure (LLM inference, 2023, CC BY 4.0) and how much
 * they asked for. They are no part of this project; `LBTOP_TRACES` names their directory.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

const directory = process.env.LBTOP_TRACES ?? resolve(import.meta.dirname, '../../../shared/traces');
const planetLab = resolve(directory, 'planetlab_20110303.tar.gz');
const azure = resolve(directory, 'AzureLLMInferenceTrace_conv.csv');
export const nasa = resolve(directory, 'NASA-iPSC-1993-3.1-cln.swf.gz');

/** Whether all recordings are there; says where they were looked for. */
export function haveRecordings(): boolean {
  const there = [planetLab, azure, nasa].every((file) => existsSync(file));
  if (!there) console.info(`no recordings in ${directory} (LBTOP_TRACES says where): skipped`);
  return there;
}

const stepMs = 300_000;
const blockBytes = 512;

/** Returns for each machine what share (0–1) of its CPUs was used at a time, in ms; the day comes again. */
export function planetLabDay(): ((at: number) => number)[] {
  const bytes = gunzipSync(readFileSync(planetLab));
  const machines: ((at: number) => number)[] = [];
  // The format of tar: a header of 512 bytes with the size in octal at 124, then the file in whole blocks.
  for (let at = 0; at + blockBytes <= bytes.length; ) {
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 136), 8) || 0;
    const text = bytes.toString('latin1', at + blockBytes, at + blockBytes + size);
    if (size > 0) {
      const shares = Float64Array.from(text.trim().split(/\s+/), (percent) => Number(percent) / 100);
      machines.push((time) => shares[Math.floor(time / stepMs) % shares.length] as number);
    }
    at += blockBytes * (1 + Math.ceil(size / blockBytes));
  }
  return machines;
}

/** A request: when it came, in ms after the first, and how many tokens it asked for. */
export interface Request {
  readonly at: number;
  readonly tokens: number;
}

/** Returns the requests of an hour, in order. */
export function azureHour(): Request[] {
  const lines = readFileSync(azure, 'latin1').trim().split('\n').slice(1);
  const requests = lines.map((line) => {
    const [stamp = '', , tokens] = line.split(',');
    // Seven digits of a second are more than Date reads.
    return { at: Date.parse(`${stamp.slice(0, 23)}Z`), tokens: Number(tokens) };
  });
  const first = requests[0]?.at ?? 0;
  return requests.map(({ at, tokens }) => ({ at: at - first, tokens }));
}
