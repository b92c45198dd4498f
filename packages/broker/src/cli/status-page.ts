import { readFileSync } from 'node:fs';

import type { PageFile } from '../admin/admin-server.ts';

const FILES = [
  { path: '/', name: 'status.html', type: 'text/html; charset=utf-8' },
  { path: '/status.css', name: 'status.css', type: 'text/css; charset=utf-8' },
  { path: '/status.js', name: 'status.js', type: 'text/javascript; charset=utf-8' },
] as const;

/** The files of the status page, as the admin port serves them. */
export function statusPage(): ReadonlyMap<string, PageFile> {
  const folder = new URL('../../../static/', import.meta.url);
  return new Map(FILES.map(({ path, name, type }) => [path, { type, content: readFileSync(new URL(name, folder)) }]));
}
