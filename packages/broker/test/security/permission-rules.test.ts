import t from 'tap';

import { DestinationPattern, hasWildcard } from '../../src/security/destination-pattern.ts';
import { PermissionRules } from '../../src/security/permission-rules.ts';
import type { PermissionRule } from '../../src/security/permission-rules.ts';

t.test('patterns', (t) => {
  const cases: readonly (readonly [pattern: string, destination: string, covers: boolean, overlaps: boolean])[] = [
    ['/queue/a', '/queue/a', true, true],
    ['/queue/a', '/topic/a', false, false],
    ['/queue/a', '/queue/a.b', false, false],
    ['/queue/a.*', '/queue/a.b', true, true],
    ['/queue/a.*', '/queue/a', false, false],
    ['/queue/a.*', '/queue/a.b.c', false, false],
    ['/queue/*.b', '/queue/a.b', true, true],
    ['/queue/a.>', '/queue/a', true, true],
    ['/queue/a.>', '/queue/a.b.c', true, true],
    ['/queue/a.>', '/queue/ab', false, false],
    ['/queue/>', '/queue/a.b', true, true],
    ['>', '/topic/a.b', true, true],
    ['/queue/a.*', '/queue/a.>', false, true],
    ['/queue/a.*', '/queue/*.b', false, true],
    ['/queue/a.>', '/queue/a.*', true, true],
    ['/queue/a.>', '/queue/*.b', false, true],
    ['/queue/a.b', '/queue/>', false, true],
    ['/queue/a.b', '/queue/c.>', false, false],
    ['/queue/a.b', '/queue/*', false, false],
  ];
  for (const [pattern, destination, covers, overlaps] of cases) {
    const parsed = DestinationPattern.parse(pattern)!;
    t.equal(parsed.covers(destination), covers, `${pattern} covers ${destination}`);
    t.equal(parsed.overlaps(destination), overlaps, `${pattern} overlaps ${destination}`);
  }
  for (const text of ['', 'a', '/queue/', '/queue/a..b', '/queue/>.a', '*', 'queue/a', '//a']) {
    t.equal(DestinationPattern.parse(text), undefined, text);
  }
  t.same(['/queue/a', '/queue/a*', '/queue/a.*', '/topic/>'].map(hasWildcard), [false, false, true, true]);
  t.end();
});

function rule(match: string, more: Partial<PermissionRule> = {}): PermissionRule {
  return { match, read: [], write: [], create: null, ...more };
}

const everywhere = (): boolean => true;
const nowhere = (): boolean => false;

t.test('the first rule that matches counts, and none is none', (t) => {
  const rules = new PermissionRules([
    rule('/queue/orders.private', { read: ['ops'] }),
    rule('/queue/orders.>', { read: ['ops', 'shop'], write: ['shop'] }),
    rule('/topic/>', { read: ['*'] }),
  ]);
  t.equal(rules.lacking(['shop'], 'read', '/queue/orders.private', everywhere), 'read', 'not the wider one');
  t.equal(rules.lacking(['ops'], 'read', '/queue/orders.private', everywhere), null);
  t.equal(rules.lacking(['ops'], 'write', '/queue/orders.new', everywhere), 'write');
  t.equal(rules.lacking(['x', 'shop'], 'write', '/queue/orders.new', everywhere), null, 'any of his groups');
  t.equal(rules.lacking([], 'read', '/topic/t', everywhere), null, '* is everybody');
  t.equal(rules.lacking([], 'write', '/topic/t', everywhere), 'write');
  t.equal(rules.lacking(['ops', 'shop'], 'read', '/queue/other', everywhere), 'read', 'what no rule matches');
  t.end();
});

t.test('a queue that is not there yet asks for create; a topic is always there', (t) => {
  const rules = new PermissionRules([
    rule('/queue/fixed.>', { read: ['a'], write: ['a', 'b'], create: ['b'] }),
    rule('/topic/>', { read: ['a'], write: ['a'], create: [] }),
    rule('/queue/>', { read: ['a'], write: ['a'] }),
  ]);
  t.equal(rules.lacking(['a'], 'write', '/queue/fixed.x', everywhere), null);
  t.equal(rules.lacking(['a'], 'write', '/queue/fixed.x', nowhere), 'create');
  t.equal(rules.lacking(['b'], 'write', '/queue/fixed.x', nowhere), null);
  t.equal(rules.lacking(['b'], 'read', '/queue/fixed.x', nowhere), 'read', 'to create is not to read');
  t.equal(rules.lacking(['a'], 'write', '/topic/t', nowhere), null);
  t.equal(rules.lacking(['a'], 'read', '/queue/q', nowhere), null, 'left out: whoever may read');
  t.end();
});

t.test('a subscription with wildcards must be allowed wherever it reaches', (t) => {
  const rules = new PermissionRules([
    rule('/queue/a.secret', { read: ['ops'] }),
    rule('/queue/a.>', { read: ['ops', 'shop'], create: ['ops'] }),
  ]);
  t.equal(rules.lacking(['shop'], 'read', '/queue/a.*', nowhere), 'read', 'a.secret is one of them');
  t.equal(rules.lacking(['ops'], 'read', '/queue/a.*', nowhere), null);
  t.equal(rules.lacking(['ops'], 'read', '/queue/>', nowhere), 'read', 'more than any rule covers');
  t.equal(rules.lacking(['shop'], 'read', '/queue/a.b.*', nowhere), null, 'it creates nothing');
  t.end();
});
