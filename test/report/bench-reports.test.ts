import { describe, expect, it } from 'vitest';
import { comparisonJunit } from '../../src/report/junit.ts';
import { benchMarkdown, comparisonMarkdown } from '../../src/report/markdown.ts';
import { hostFacts } from '../../src/result/host.ts';
import { comparison, judgement } from '../support/comparison.ts';
import { checkWellFormed, parseXml, type XmlElement } from '../support/xml.ts';

const children = (element: XmlElement, name: string): readonly XmlElement[] =>
  element.children.filter((child) => child.name === name);

describe('a comparison as JUnit XML', () => {
  const found = comparison(
    [
      judgement({ name: 'get', verdict: 'regression' }),
      judgement({ name: 'clear', verdict: 'same', change: 0, worseBy: 0 }),
      judgement({ name: 'dirty', verdict: 'improvement', change: -0.5, worseBy: -0.5 }),
    ],
    ['new: new us (missing in 15 runs before, 0 after)'],
  );
  const root = parseXml(comparisonJunit(found, 61.5));
  const [suite] = children(root, 'testsuite');
  const cases = children(suite!, 'testcase');

  it('has a test case for each metric, and counts them', () => {
    expect(root.name).toBe('testsuites');
    const counts = { tests: '4', failures: '1', errors: '0', time: '61.500' };
    expect(root.attributes).toEqual({ name: 'pageferry bench dirty-log', ...counts });
    expect(suite!.attributes).toEqual({ ...root.attributes, skipped: '1' });
    expect(cases.map(({ attributes }) => attributes['name'])).toEqual([
      'log: get us',
      'log: clear us',
      'log: dirty us',
      'new: new us',
    ]);
  });

  it('fails what is a regression alone, and skips what could not be compared', () => {
    const failures = cases.map((one) => children(one, 'failure').length);
    expect(failures).toEqual([1, 0, 0, 0]);
    const [failure] = children(cases[0]!, 'failure');
    expect(failure!.attributes).toEqual({
      message: 'log: get us: +100.0 % worse',
      type: 'regression',
    });
    expect(failure!.text).toBe('1.00 → 2.00 us: +100.0 % worse, +90.0 to +110.0 %, p 0.0010');
    expect(cases.map((one) => children(one, 'skipped').length)).toEqual([0, 0, 0, 1]);
    expect(children(cases[3]!, 'skipped')[0]!.attributes['message']).toBe(
      'missing in 15 runs before, 0 after',
    );
  });

  it('names the versions and the options', () => {
    const properties = children(children(suite!, 'properties')[0]!, 'property');
    expect(
      Object.fromEntries(properties.map(({ attributes: a }) => [a['name'], a['value']])),
    ).toEqual({
      'before.commit': 'aaaaaaaaaaaaaa',
      'after.commit': 'bbbbbbbbbbbbbb',
      'after.version': '0',
      '--log': 'bitmap',
    });
  });

  it('is well-formed whatever a metric is called', () => {
    const wild = '<a&b>"c"\u0000\u001b[31m\ud800 \uffff ]]> é';
    const xml = comparisonJunit(comparison([judgement({ of: wild })]), 1);
    const [one] = children(children(parseXml(xml), 'testsuite')[0]!, 'testcase');
    expect(one!.attributes['name']).toBe('<a&b>"c"\ufffd\ufffd[31m\ufffd \ufffd ]]> é: get us');
    // The check itself notices what is not well-formed.
    expect(() => checkWellFormed('<a>\u0000</a>')).toThrow('SVG data parsing failed');
    expect(() => checkWellFormed('<a b="&x;"/>')).toThrow('SVG data parsing failed');
    expect(() => checkWellFormed('<a></b>')).toThrow('SVG data parsing failed');
  });
});

describe('tables as Markdown', () => {
  it('shows a comparison', () => {
    const text = comparisonMarkdown(comparison([judgement({ of: 'a|b *c*' })]));
    expect(text).toContain(
      '### dirty-log: aaaaaaaaaa → bbbbbbbbbb, 5 pairs of runs that took turns',
    );
    expect(text).toContain(
      '| metric | before | after | change | 95 % interval | p | verdict |\n' +
        '| --- | --: | --: | --: | --: | --: | --: |\n' +
        '| a\\|b \\*c\\*: get us | 1.00 | 2.00 | +100.0 % worse | +90.0 to +110.0 % | 0.0010 | regression |\n',
    );
    expect(text).toMatch(/\n- 1 regression\(s\) beyond 5\.0 %/);
  });

  it('shows the medians of a bench', () => {
    const metric = {
      of: 'log',
      name: 'get',
      unit: 'us',
      better: 'less',
      samples: [1, 2, 3],
    } as const;
    const text = benchMarkdown({
      schema: 'pageferry/bench@1',
      version: '0',
      bench: 'dirty-log',
      options: {},
      host: hostFacts(),
      metrics: [metric],
      notes: ['interrupted'],
    });
    expect(text).toContain('| setting | get us |\n| --- | --: |\n| log | 2.00 (1.50 to 2.50) |\n');
    expect(text).toMatch(/\n- interrupted\n$/);
  });
});
