// What the judges' scripts share: packages from the folder that the first argument names, JSON in and JSON out.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

export const need = createRequire(`${resolve(process.argv[2])}/`);
export const asked = JSON.parse(readFileSync(0, 'utf-8'));
export const answer = (value) => process.stdout.write(JSON.stringify(value));
