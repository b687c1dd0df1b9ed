import { describe, expect, it } from 'vitest';
import { isWebhookUrl } from '../../src/contract/webhook.ts';
import { isPublic, leadsInside } from '../../src/webhooks/address.ts';

/** Each leads, or may lead, to what only the API should reach. */
const INSIDE = [
  'http://127.0.0.1/',
  'http://127.0.0.1:6379/',
  'http://127.1/',
  'http://127.0.1/',
  'http://127.255.255.254/',
  'http://2130706433/',
  'http://017700000001/',
  'http://0177.0.0.1/',
  'http://0x7f000001/',
  'http://0x7f.0.0.1/',
  'http://0x7f.1/',
  'http://127.0.0.1./',
  'http://①②⑦.0.0.1/',
  'http://127。0。0。1/',
  'http://%31%32%37.0.0.1/',
  'http://0/',
  'http://0.0.0.0/',
  'http://localhost/',
  'http://LOCALHOST/',
  'http://localhost./',
  'http://redis.localhost/',
  'http://10.0.0.1/',
  'http://10.255.255.255/',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.168.1.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/latest/meta-data/',
  'http://0xa9fea9fe/',
  'http://0251.0376.0251.0376/',
  'http://[fd00:ec2::254]/',
  'http://100.64.0.1/',
  'http://100.100.100.200/',
  'http://192.0.0.192/',
  'http://198.18.0.1/',
  'http://192.0.2.1/',
  'http://203.0.113.1/',
  'http://224.0.0.1/',
  'http://240.0.0.1/',
  'http://255.255.255.255/',
  'http://[::]/',
  'http://[::1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[::ffff:169.254.169.254]/',
  'http://[::127.0.0.1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[64:ff9b:1::a9fe:a9fe]/',
  'http://[2002:7f00:1::]/',
  'http://[2001:0:7f00:1::]/',
  'http://[2001:db8::1]/',
  'http://[fe80::1]/',
  'http://[fec0::1]/',
  'http://[fc00::1]/',
  'http://[fdff::1]/',
  'http://[ff02::1]/',
  'http://[100::1]/',
];

/** No webhook can have one of these, wherever it leads. */
const NEVER = [
  '',
  'example.org',
  '//example.org/',
  'http://',
  'http:///',
  'ftp://example.org/',
  'file:///etc/passwd',
  'gopher://example.org/',
  'data:text/plain,x',
  'javascript:alert(1)',
  'ws://example.org/',
  'redis://example.org/',
  'http+unix://socket/',
  'http://user@example.org/',
  'http://user:password@example.org/',
  'http://example.org@127.0.0.1/',
  'http://example.org/#fragment',
  'http://example.org:22/',
  'http://example.org:25/',
  'http://example.org:0/',
  'http://example.org:65536/',
  'http://[::1/',
  'http://[fe80::1%25eth0]/',
  'http://256.256.256.256/',
  'http://example .org/',
  `http://example.org/${'a'.repeat(2000)}`,
  `http://example.org/${'ä'.repeat(500)}`,
];

describe('the URL of a webhook', () => {
  it.each(INSIDE)('%s leads inside', (url) => {
    expect(leadsInside(new URL(url))).toBe(true);
  });

  it.each(NEVER)('%s is none', (url) => {
    expect(isWebhookUrl(url)).toBe(false);
  });

  it.each([
    'https://example.org/hooks?token=a',
    'http://example.org:8080/',
    'https://example.org:443/',
    'http://1.1.1.1/',
    'http://[2606:4700:4700::1111]/',
    'https://xn--bcher-kva.example/',
    'http://localhost.example.org/',
  ])('%s is one, and leads outside as far as it says', (url) => {
    expect([isWebhookUrl(url), leadsInside(new URL(url))]).toEqual([true, false]);
  });

  it('an address that is none is not public', () => {
    for (const text of ['', 'example.org', '1.1.1.1.', '1.1.1', ' 1.1.1.1'])
      expect(isPublic(text)).toBe(false);
  });
});
