// SPDX-License-Identifier: GPL-2.0-only
/* Redaction: what is removed by default and what is left alone, rules, limits, texts that were cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "decode/wire_decode.h"
#include "redact/redact.h"
#include "sink/format.h"
#include "sink/json.h"
#include "sink/sink.h"
#include "tests/unit/event_build.h"

static struct buf out;
static struct redactor *redactor;

#define URL    "<redacted:url-credential>"
#define ARGV   "<redacted:argv-password>"
#define HEADER "<redacted:header>"
#define LOGIN  "<redacted:login>"
#define ENV    "<redacted:env-value>"

static void use(const char *const *rules, size_t n)
{
	const char *error;
	size_t bad;

	redactor_free(redactor);
	redactor = redactor_new(rules, n, &bad, &error);
	if (!redactor)
		fail_msg("%s: %s", bad < n ? rules[bad] : "", error);
}

static void use_rule(const char *rule)
{
	use(&rule, 1);
}

static int teardown(void **state)
{
	use(NULL, 0);
	return 0;
}

/* Decodes, redacts and writes what was begun: everything from "args" on. */
static const char *redacted(uint32_t args)
{
	const char *from;

	decode_known(args);
	redact_event(redactor, &event, decoder.values + 1);
	out.len = 0;
	json_record(&out, &event, 1);
	buf_char(&out, '\0');
	assert_false(out.failed);
	from = strstr(out.data, "\"args\":");
	assert_non_null(from);
	return from;
}

/* One str, as the argument at `index` of an event whose others are None. */
static void expect_text(const char *name, uint32_t index, const char *text, const char *want)
{
	char line[4096];
	const char *got;
	uint32_t i;

	begin(name);
	for (i = 0; i < index; i++)
		wb_none(&b);
	wb_cstr(&b, text);
	redacted(index + 1);
	got = (const char *)decoder.values[1 + index].text.data;
	snprintf(line, sizeof(line), "%.*s", (int)decoder.values[1 + index].text.len, got);
	assert_string_equal(line, want);
}

struct text_case {
	const char *text, *want; /* NULL: the same */
};

static void expect_texts(const char *name, uint32_t index, const struct text_case *cases, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		expect_text(name, index, cases[i].text, cases[i].want ?: cases[i].text);
}

#define EXPECT_TEXTS(name, index, cases) expect_texts(name, index, cases, ARRAY_SIZE(cases))

static void test_urls(void **state)
{
	static const struct text_case cases[] = {
		{"https://u:p@host/x", "https://" URL "@host/x"},
		{"https://ghp_token@github.com/x.git", "https://" URL "@github.com/x.git"},
		{"git+https://t@host/x", "git+https://" URL "@host/x"},
		{"postgresql://app:s3cret@db:5432/x", "postgresql://" URL "@db:5432/x"},
		{"redis://:p@h", "redis://" URL "@h"},
		{"a ftp://u:p@q@h b", "a ftp://" URL "@h b"},
		{"t.x://u:pa/ss#w@h/p", "t.x://" URL "@h/p"},
		{"(http://a:b@c, http://d:e@f)", "(http://" URL "@c, http://" URL "@f)"},
		{"http://h/?next=https://u:p@h2/", "http://h/?next=https://" URL "@h2/"},
		{"http://h/?a=1&token=abc&b=2", "http://h/?a=1&token=" URL "&b=2"},
		{"http://h/x;jsessionid=1?X-Amz-Signature=ab#access_token=cd",
		 "http://h/x;jsessionid=1?X-Amz-Signature=" URL "#access_token=" URL},
		{"http://h/?client_secret=a;API-Key=b",
		 "http://h/?client_secret=" URL ";API-Key=" URL},
		/* left alone */
		{"ssh://git@host/x", NULL},
		{"http://host:80/a@b", NULL},
		{"http://[::1]:80/a@b", NULL},
		{"https://host/@user/x?tokens=3&page_token=a&q=b", NULL},
		{"user:pass@host", NULL},
		{"://u:p@h", NULL},
		{"//u:p@h/x", NULL},
		{"http://", NULL},
		{"http:/", NULL},
		{"a: b", NULL},
		{"mailto:a@b", NULL},
		{"https://host/?token=", NULL},
		{"/x?token=abc", NULL},
		{"", NULL},
	};

	EXPECT_TEXTS("t.x", 0, cases);
}

static void test_shell(void **state)
{
	static const struct text_case cases[] = {
		{"mysql -uroot -psecret db", "mysql -uroot -p" ARGV " db"},
		{"sudo /usr/bin/mysqldump -psecret", "sudo /usr/bin/mysqldump -p" ARGV},
		{"cmd --password=a --x", "cmd --password=" ARGV " --x"},
		{"cmd --password 'a b' c", "cmd --password '" ARGV "' c"},
		{"cmd --password=\"a \\\" b\" c", "cmd --password=" ARGV " c"},
		{"cmd '--token=a b' c", "cmd '--token=" ARGV "' c"},
		{"PGPASSWORD=x psql", "PGPASSWORD=" ARGV " psql"},
		{"a|b --api-key x;c x", "a|b --api-key " ARGV ";c x"},
		{"sh -c 'curl -u a:b h'", "sh -c 'curl -u a:" ARGV " h'"},
		{"curl -H 'Authorization: Bearer x' h", "curl -H 'Authorization: " HEADER "' h"},
		{"cmd --password https://a:b@c", "cmd --password " ARGV},
		{"wget https://a:b@c", "wget https://" URL "@c"},
		/* left alone */
		{"mysql -p db", NULL},
		{"echo hello > /tmp/x && ls -p /", NULL},
		{"ssh -p 22 host", NULL},
		{"cmd --no-password x", NULL},
		{"cmd --password; x y", NULL},
		{"cmd --password-file x", NULL},
		{"X=1 make", NULL},
		{"echo \"unclosed", NULL},
		/* what was redacted before: by a program that logs commands */
		{"cmd --password " ARGV " x", NULL},
		{"sqlcmd -P" ARGV " x", NULL},
		{"curl -H 'Authorization: " HEADER "' h", NULL},
		/* but not what hides behind it */
		{"cmd --password " ARGV "x y", "cmd --password " ARGV " y"},
		{"'", NULL},
		{"-", NULL},
		{"--", NULL},
		{"--=", NULL},
	};

	EXPECT_TEXTS("os.system", 0, cases);
}

static void expect_argv(const char *const *argv, const char *want)
{
	size_t n;

	for (n = 0; argv[n]; n++)
		;
	begin("subprocess.Popen");
	wb_cstr(&b, argv[0]);
	wb_sequence(&b, WIRE_LIST, n);
	for (n = 0; argv[n]; n++)
		wb_cstr(&b, argv[n]);
	wb_none(&b);
	wb_none(&b);
	if (!strstr(redacted(4), want))
		fail_msg("%s in %s", want, out.data);
}

#define EXPECT_ARGV(want, ...) \
	expect_argv((const char *const[]){__VA_ARGS__, NULL}, "\"args\":[" want "],")

static void test_argv(void **state)
{
	EXPECT_ARGV("\"a\",\"--password\",\"" ARGV "\",\"c\"", "a", "--password", "b", "c");
	EXPECT_ARGV("\"a\",\"--api-key=" ARGV "\"", "a", "--api-key=b");
	EXPECT_ARGV("\"a\",\"-password\",\"" ARGV "\"", "a", "-password", "b");
	EXPECT_ARGV("\"a\",\"--password\",\"--user\",\"c\"", "a", "--password", "--user", "c");
	EXPECT_ARGV("\"a\",\"--password\"", "a", "--password");
	EXPECT_ARGV("\"mysql\",\"-p" ARGV "\"", "mysql", "-pb");
	EXPECT_ARGV("\"mysql\",\"-p\",\"db\"", "mysql", "-p", "db");
	EXPECT_ARGV("\"docker\",\"login\",\"-u\",\"a\",\"-p\",\"" ARGV "\"", "docker", "login",
		    "-u", "a", "-p", "b");
	EXPECT_ARGV("\"docker\",\"run\",\"-p\",\"80:80\",\"-e\",\"DB_PASSWORD=" ARGV "\"", "docker",
		    "run", "-p", "80:80", "-e", "DB_PASSWORD=x");
	EXPECT_ARGV("\"docker\",\"exec\",\"db\",\"mysql\",\"-p" ARGV "\"", "docker", "exec", "db",
		    "mysql", "-px");
	EXPECT_ARGV("\"/usr/bin/sshpass\",\"-p\",\"" ARGV "\",\"ssh\",\"-p\",\"22\"",
		    "/usr/bin/sshpass", "-p", "x", "ssh", "-p", "22");
	EXPECT_ARGV("\"curl\",\"-ua:" ARGV "\",\"--proxy-user\",\"b\",\"h\"", "curl", "-ua:x",
		    "--proxy-user", "b", "h");
	EXPECT_ARGV("\"openssl\",\"-passin\",\"pass:" ARGV "\"", "openssl", "-passin", "pass:x");
	EXPECT_ARGV("\"java\",\"-Ddb.password=" ARGV "\"", "java", "-Ddb.password=x");
	EXPECT_ARGV("\"/bin/sh\",\"-ec\",\"mysql -p" ARGV " x\",\"-px\"", "/bin/sh", "-ec",
		    "mysql -psecret x", "-px");
	EXPECT_ARGV("\"git\",\"clone\",\"https://" URL "@h/x\"", "git", "clone", "https://t@h/x");
	EXPECT_ARGV("\"python3\",\"-c\",\"f('--password x')\"", "python3", "-c",
		    "f('--password x')");
	EXPECT_ARGV("\"gpg\",\"--max-token\",\"3\",\"\",\"-\"", "gpg", "--max-token", "3", "", "-");
}

/* Those of all kinds an argument list may have. */
static void test_argv_kinds(void **state)
{
	static const uint16_t two[] = {'-', '-', 't', 'o', 'k', 'e', 'n', '=', 0x20ac, 'x'};
	static const uint32_t four[] = {'-', '-', 't', 'o', 'k', 'e', 'n', '=', 0x1f600};

	begin("os.exec");
	wb_none(&b);
	wb_sequence(&b, WIRE_TUPLE, 6);
	wb_units(&b, 2, two, sizeof(two));
	wb_units(&b, 4, four, sizeof(four));
	wb_bytes(&b, "--token=x\xff", 10);
	wb_bytes(&b, "--token", 7);
	wb_int(&b, 5);
	wb_cstr(&b, "end");
	wb_none(&b);
	assert_string_equal(redacted(3),
			    "\"args\":{\"path\":null,\"args\":[\"--token=" ARGV "\","
			    "\"--token=" ARGV "\",{\"bytes\":\"--token=" ARGV "\"},"
			    "{\"bytes\":\"--token\"},\"" ARGV "\",\"end\"],\"env\":null}}");
}

static void test_environment(void **state)
{
	begin("subprocess.Popen");
	wb_none(&b);
	wb_none(&b);
	wb_none(&b);
	wb_head(&b, WIRE_DICT, WIRE_TRUNCATED, 0, 6, 9);
	wb_cstr(&b, "A");
	wb_cstr(&b, "secret");
	wb_bytes(&b, "B", 1);
	wb_bytes(&b, "\xff", 1);
	wb_cstr(&b, "C");
	wb_unreadable(&b, 14);
	assert_non_null(strstr(redacted(4), "\"env\":{\"items\":[[\"A\",\"" ENV
					    "\"],[{\"bytes\":\"B\"},{\"bytes\":\"" ENV
					    "\"}],[\"C\",null]]}},\"truncated\":{\"env\":9},"
					    "\"unreadable\":{\"env.items[2][1]\":\"EFAULT\"}}"));
	begin("_posixsubprocess.fork_exec");
	wb_none(&b);
	wb_none(&b);
	wb_sequence(&b, WIRE_LIST, 3);
	wb_bytes(&b, "K=a=b", 5);
	wb_bytes(&b, "K=", 2);
	wb_bytes(&b, "odd", 3);
	assert_non_null(strstr(redacted(3), "\"env\":[{\"bytes\":\"K=" ENV "\"},{\"bytes\":\"K=\"},"
					    "{\"bytes\":\"odd\"}]"));
	begin("os.putenv");
	wb_bytes(&b, "KEY", 3);
	wb_bytes(&b, "", 0);
	assert_string_equal(redacted(2),
			    "\"args\":{\"key\":{\"bytes\":\"KEY\"},\"value\":{\"bytes\":\"" ENV
			    "\"}}}");
}

/* os.environ, in any event. */
static void test_environ_object(void **state)
{
	begin("t.x");
	wb_data(&b, WIRE_OBJECT, WIRE_OK, WIRE_OBJECT_MAPPING, "os._Environ", 11, 1);
	wb_dict(&b, 1);
	wb_bytes(&b, "A", 1);
	wb_bytes(&b, "secret", 6);
	wb_int(&b, 7);
	assert_string_equal(redacted(2),
			    "\"args\":{\"arg0\":{\"object\":\"os._Environ\",\"mapping\":"
			    "{\"A\":\"" ENV "\"}},\"arg1\":7}}");
}

static void test_protocols(void **state)
{
	static const struct text_case ftp[] = {
		{"PASS secret", "PASS " LOGIN}, {"USER me", NULL},	   {"PASV", NULL},
		{"pass a b", "pass " LOGIN},	{"ACCT x", "ACCT " LOGIN}, {"PASS", NULL},
	};
	static const struct text_case pop[] = {
		{"APOP me digest", "APOP me " LOGIN}, {"PASS x", "PASS " LOGIN}, {"STAT", NULL}};
	static const struct text_case imap[] = {
		{"A1 LOGIN me \"a b\"\r\n", "A1 LOGIN " LOGIN "\r\n"},
		{"A1 AUTHENTICATE PLAIN AGEAYg==\r\n", "A1 AUTHENTICATE PLAIN " LOGIN "\r\n"},
		{"AGEAYg==", LOGIN},
		{"A1 AUTHENTICATE PLAIN\r\n", NULL},
		{"A1 SELECT INBOX\r\n", NULL},
		{"DONE\r\n", NULL},
		{"text", NULL},
		{"YWJj\r\n", LOGIN "\r\n"},
		{"\r\n", NULL},
	};
	static const struct text_case smtp[] = {
		{"AUTH PLAIN AGEAYg==\r\n", "AUTH PLAIN " LOGIN "\r\n"},
		{"AGEAYg==\r\n", LOGIN "\r\n"},
		{"ehlo host\r\n", NULL},
		{"data\r\n", NULL},
		{"QUIT\r\n", NULL},
		{"Subject: hi\r\n\r\nbody\r\n.\r\n", NULL},
	};

	EXPECT_TEXTS("ftplib.sendcmd", 1, ftp);
	EXPECT_TEXTS("poplib.putline", 1, pop);
	EXPECT_TEXTS("imaplib.send", 1, imap);
	EXPECT_TEXTS("smtplib.send", 1, smtp);
}

static void test_http(void **state)
{
	static const struct text_case cases[] = {
		{"GET /x?token=a&b=c HTTP/1.1\r\nHost: h\r\nAuthorization: Basic YTpi\r\n"
		 "Cookie:s=1\r\nX-Auth-Token: z\r\nAccept: */*\r\n\r\n",
		 "GET /x?token=" URL "&b=c HTTP/1.1\r\nHost: h\r\nAuthorization: " HEADER
		 "\r\nCookie:" HEADER "\r\nX-Auth-Token: " HEADER "\r\nAccept: */*\r\n\r\n"},
		{"POST / HTTP/1.1\r\nA: b\r\n\r\nuser=a&password=b",
		 "POST / HTTP/1.1\r\nA: b\r\n\r\nuser=a&password=" URL},
		{"user=a&password=b", "user=a&password=" URL},
		{"{\"password\": \"=a\"}", NULL},
		{"GET / HTTP/1.1", NULL},
		{"GET", NULL},
		{"", NULL},
		{"\n\n\n", NULL},
	};

	EXPECT_TEXTS("http.client.send", 1, cases);
	begin("urllib.Request");
	wb_cstr(&b, "http://a:b@h/?sig=1");
	wb_bytes(&b, "password=x", 10);
	wb_dict(&b, 2);
	wb_cstr(&b, "Authorization");
	wb_cstr(&b, "Basic x");
	wb_cstr(&b, "Accept");
	wb_cstr(&b, "y");
	wb_cstr(&b, "GET");
	assert_string_equal(redacted(4),
			    "\"args\":{\"fullurl\":\"http://" URL "@h/?sig=" URL "\",\"data\":{"
			    "\"bytes\":\"password=" URL
			    "\"},\"headers\":{\"Authorization\":\"" HEADER
			    "\",\"Accept\":\"y\"},\"method\":\"GET\"}}");
}

/* What was cut in the middle of a secret shows no part of it, and still says it was cut. */
static void test_cut(void **state)
{
	static const struct {
		const char *event;
		uint32_t index;
		const char *text, *want;
	} cases[] = {
		{"t.x", 0, "https://user:passwo", "https://" URL},
		{"t.x", 0, "postgresql://app:passwo", "postgresql://" URL},
		{"t.x", 0, "https://ghp_abc", "https://" URL},
		{"t.x", 0, "https://h/?token=ab", "https://h/?token=" URL},
		{"t.x", 0, "https://host/path", "https://host/path"},
		{"t.x", 0, "ssh://host", "ssh://host"},
		{"os.system", 0, "mysql -psec", "mysql -p" ARGV},
		{"os.system", 0, "x --password 'sec", "x --password '" ARGV},
		{"smtplib.send", 1, "AGEAY", NULL},
		{"http.client.send", 1, "GET / HTTP/1.1\r\nCookie: ab",
		 "GET / HTTP/1.1\r\nCookie: " HEADER},
		{"http.client.send", 1, "GET /?token=ab", "GET /?token=" URL},
	};
	const struct value *v;
	char line[200];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(cases[i].event);
		if (cases[i].index)
			wb_none(&b);
		wb_cut_cstr(&b, cases[i].text, 9000);
		redacted(cases[i].index + 1);
		v = &decoder.values[1 + cases[i].index];
		snprintf(line, sizeof(line), "%.*s", (int)v->text.len, (const char *)v->text.data);
		assert_string_equal(line, cases[i].want ?: LOGIN);
		/* A token that stands for all is whole. */
		assert_int_equal(v->status, cases[i].want ? WIRE_TRUNCATED : WIRE_OK);
		assert_int_equal(v->num, cases[i].want ? 9000 : strlen(LOGIN));
		assert_int_equal(!!strstr(out.data, ":9000}"), !!cases[i].want);
	}
}

/* Nothing to redact: the values are the record's own, not copies. */
static void test_untouched(void **state)
{
	begin("open");
	wb_cstr(&b, "/etc/passwd");
	wb_cstr(&b, "r");
	wb_int(&b, 0);
	redacted(3);
	assert_in_range((uintptr_t)decoder.values[1].text.data, (uintptr_t)b.data,
			(uintptr_t)b.data + b.len);
	assert_string_equal(redacted(3),
			    "\"args\":{\"path\":\"/etc/passwd\",\"mode\":\"r\",\"flags\":0}}");
}

static void test_many_spans(void **state)
{
	char text[8000] = "";
	int i;

	for (i = 0; i < 200; i++)
		sprintf(text + strlen(text), "http://u%d:s%d@h ", i, i);
	begin("t.x");
	wb_cstr(&b, text);
	redacted(1);
	assert_null(strstr(out.data, ":s5@"));
	assert_null(strstr(out.data, "s199"));
}

static void test_none(void **state)
{
	static const char *const rules[] = {"none", "open:mode"};
	static const char *const again[] = {"none", "default"};

	use_rule("none");
	expect_text("os.system", 0, "mysql -psecret https://a:b@c", "mysql -psecret https://a:b@c");
	use(rules, 2);
	expect_text("t.x", 0, "https://a:b@c", "https://a:b@c");
	expect_text("open", 1, "r", "<redacted:rule-2/mode>");
	use(again, 2);
	expect_text("t.x", 0, "https://a:b@c", "https://" URL "@c");
}

static void test_rules(void **state)
{
	static const char *const rules[] = {"open:path~^/home/(\\w+)/", "@network:*~10\\.\\d+",
					    "my.*:arg1", "*:arg0~(?i)caf\xc3\x89"};

	use(rules, 4);
	expect_text("open", 0, "/home/ann/home/bob/", "/home/<redacted:rule-1/path>/home/bob/");
	expect_text("open", 0, "/tmp", "/tmp");
	expect_text("socket.gethostbyname", 0, "10.12 and 10.13",
		    "<redacted:rule-2/*> and <redacted:rule-2/*>");
	expect_text("my.x", 0, "10.12 caf\xc3\xa9!", "10.12 <redacted:rule-4/arg0>!");
	begin("my.x");
	wb_none(&b);
	wb_sequence(&b, WIRE_LIST, 2);
	wb_int(&b, 1);
	wb_int(&b, 2);
	wb_int(&b, 3);
	assert_string_equal(redacted(3),
			    "\"args\":{\"arg0\":null,\"arg1\":\"<redacted:rule-3/arg1>\","
			    "\"arg2\":3}}");
	/* Nested, in keys and values, whatever the width. */
	begin("other");
	wb_dict(&b, 1);
	wb_cstr(&b, "CAF\xc3\x89");
	wb_units(&b, 1, "x caf\xe9", 6);
	assert_string_equal(redacted(1), "\"args\":{\"arg0\":{\"<redacted:rule-4/arg0>\":"
					 "\"x <redacted:rule-4/arg0>\"}}}");
}

/* A lone surrogate and bytes that are no UTF-8 stay what they are. */
static void test_rule_keeps_the_rest(void **state)
{
	static const uint16_t text[] = {0xd800, 's', 'e', 'c', 0xdfff};

	use_rule("t.x:*~sec");
	begin("t.x");
	wb_units(&b, 2, text, sizeof(text));
	wb_cstr(&b, "\xff"
		    "sec\xfe");
	wb_bytes(&b, "sec\xfe", 4);
	redacted(3);
	assert_non_null(strstr(out.data, "[\"\\ud800") ?: strstr(out.data, "\"\\ud800<redacted"));
	assert_non_null(strstr(out.data, ">\\udfff\""));
	assert_non_null(strstr(out.data, "\"\\udcff<redacted:rule-1/*>\\udcfe\""));
	assert_non_null(strstr(out.data, "{\"base64\":"));
}

/* A pattern that would run for hours takes the whole value, soon. */
static void test_limits(void **state)
{
	char text[2000];

	use_rule("t.x:*~(a+)+[bc]");
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	expect_text("t.x", 0, text, "<redacted:rule-1/*>");
	use_rule("t.x:*~.*[bc]");
	expect_text("t.x", 0, text, "<redacted:rule-1/*>");
}

static void test_rule_on_cut_text(void **state)
{
	const struct value *v = &decoder.values[1];

	use_rule("t.x:*~key=[0-9a-f]{8}");
	begin("t.x");
	wb_cut_cstr(&b, "a key=01234567 b key=01", 9000);
	assert_string_equal(redacted(1), "\"args\":{\"arg0\":\"a <redacted:rule-1/*> b "
					 "<redacted:rule-1/*>\"},\"truncated\":{\"arg0\":9000}}");
	assert_int_equal(v->status, WIRE_TRUNCATED);
}

/* {"api": {"Key": "a", b"key": 1}, 7: ["x", "y"]} */
static void nested(const char *event_name)
{
	begin(event_name);
	wb_dict(&b, 2);
	wb_cstr(&b, "api");
	wb_dict(&b, 2);
	wb_cstr(&b, "Key");
	wb_cstr(&b, "a");
	wb_bytes(&b, "key", 3);
	wb_int(&b, 1);
	wb_int(&b, 7);
	wb_sequence(&b, WIRE_LIST, 2);
	wb_cstr(&b, "x");
	wb_cstr(&b, "y");
}

static void expect_nested(const char *rule, const char *want)
{
	char line[400];

	use_rule(rule);
	nested("t.x");
	snprintf(line, sizeof(line), "\"args\":{\"arg0\":{\"items\":[%s]}}}", want);
	assert_string_equal(redacted(1), line);
}

#define ITEMS(...) "{\"items\":[" __VA_ARGS__ "]}"
#define API	   "[\"api\"," ITEMS("[\"Key\",\"a\"],[{\"bytes\":\"key\"},1]") "]"
#define XY	   "[7,[\"x\",\"y\"]]"
#define RULE(arg)  "\"<redacted:rule-1/" arg ">\""

static void test_paths(void **state)
{
	expect_nested("t.x:arg0.api", "[\"api\"," RULE("arg0.api") "]," XY);
	expect_nested("t.x:*.API.k*",
		      "[\"api\"," ITEMS("[\"Key\"," RULE("*.API.k*") "],[{\"bytes\":\"key\"}," RULE(
			      "*.API.k*") "]") "]," XY);
	expect_nested("t.x:arg0.*[1]", API ",[7,[\"x\"," RULE("arg0.*[1]") "]]");
	expect_nested("t.x:arg0.*[*]", API ",[7,[" RULE("arg0.*[*]") "," RULE("arg0.*[*]") "]]");
	expect_nested("t.x:arg0.api~^a$", "[\"api\"," ITEMS("[\"Key\"," RULE(
						  "arg0.api") "],[{\"bytes\":\"key\"},1]") "]," XY);
	/* Nothing is there. */
	expect_nested("t.x:arg0[0]", API "," XY);
	expect_nested("t.x:arg0.a", API "," XY);
	expect_nested("t.x:arg0.api.key.more", API "," XY);
	expect_nested("t.x:arg0.api[0]", API "," XY);
	expect_nested("t.x:arg0.*[2]", API "," XY);
	expect_nested("t.x:arg1.api", API "," XY);
}

/* What has names in other forms: pairs, NAME=value, os.environ; of all widths. */
static void test_path_names(void **state)
{
	static const uint16_t wide[] = {'A', 0x20ac, '=', 'x'};
	static const char *const rules[] = {"none", "t.x:*.a*"};

	use(rules, 2);
	begin("t.x");
	wb_sequence(&b, WIRE_LIST, 5);
	wb_cstr(&b, "AB=cd=ef");
	wb_bytes(&b, "b=c", 3);
	wb_units(&b, 2, wide, sizeof(wide));
	wb_sequence(&b, WIRE_TUPLE, 2);
	wb_bytes(&b, "auth", 4);
	wb_int(&b, 5);
	wb_cstr(&b, "AB=");
	assert_string_equal(redacted(1),
			    "\"args\":{\"arg0\":[\"AB=<redacted:rule-2/*.a*>\",{\"bytes\":\"b=c\"},"
			    "\"A\xe2\x82\xac=<redacted:rule-2/*.a*>\",[{\"bytes\":\"auth\"},"
			    "\"<redacted:rule-2/*.a*>\"],\"AB=\"]}}");
	begin("t.x");
	wb_object(&b, WIRE_OBJECT_MAPPING, "os._Environ", 1);
	wb_dict(&b, 2);
	wb_cstr(&b, "AWS_KEY");
	wb_cstr(&b, "s");
	wb_cstr(&b, "HOME");
	wb_cstr(&b, "/root");
	assert_string_equal(redacted(1),
			    "\"args\":{\"arg0\":{\"object\":\"os._Environ\",\"mapping\":{"
			    "\"AWS_KEY\":\"<redacted:rule-2/*.a*>\",\"HOME\":\"/root\"}}}}");
	use_rule("t.x:*.\xc3\xa9?~x(y)");
	begin("t.x");
	wb_sequence(&b, WIRE_LIST, 1);
	wb_units(&b, 1,
		 "\xe9"
		 "1=xyxyz",
		 8);
	assert_non_null(strstr(redacted(1), "1=x<redacted:rule-1/*.?\?\?>x<redacted"));
}

/* A key that is not known in full may be the one. */
static void test_path_unknown_key(void **state)
{
	static char key[300], latin1[150];
	static uint32_t wide[70];
	size_t i;

	use_rule("t.x:*.secret");
	memset(key, 'k', sizeof(key) - 1);
	/* As UTF-8 it is too long, though not as it is; and the other way round. */
	memset(latin1, 0xe9, sizeof(latin1));
	for (i = 0; i < sizeof(wide) / sizeof(*wide); i++)
		wide[i] = 'w';
	begin("t.x");
	wb_dict(&b, 6);
	wb_units(&b, 1, latin1, sizeof(latin1));
	wb_int(&b, 5);
	wb_units(&b, 4, wide, sizeof(wide));
	wb_int(&b, 6);
	wb_cut_cstr(&b, "zz", 9000);
	wb_int(&b, 1);
	wb_unreadable(&b, 14);
	wb_int(&b, 2);
	wb_cstr(&b, key);
	wb_int(&b, 3);
	wb_cstr(&b, "other");
	wb_int(&b, 4);
	redacted(1);
	assert_null(strstr(out.data, ",1]"));
	assert_null(strstr(out.data, ",2]"));
	assert_null(strstr(out.data, ",3]"));
	assert_non_null(strstr(out.data, "[\"other\",4]"));
	assert_null(strstr(out.data, ",5]"));
	assert_non_null(strstr(out.data, ",6]"));
}

static void test_wrong_rules(void **state)
{
	static const struct text_case cases[] = {
		{"", "not a rule; give EVENT:ARG, EVENT:ARG~REGEX, none or default"},
		{"open", "not a rule"},
		{":path", "not a rule"},
		{"@:path", "not a rule"},
		{"open:", "not a rule"},
		{"open:~x", "not a rule"},
		{"open:path~", "not a rule"},
		{"opne:path", "no such event; see --list-events"},
		{"@netwrok:*", "no such category"},
		{"open:pth", "open has no argument pth"},
		{"open:path.", "no path into an argument; give .KEY, [N] or [*], at most 8"},
		{"open:path[", "no path"},
		{"open:path[]", "no path"},
		{"open:path[1", "no path"},
		{"open:path[1]x", "no path"},
		{"open:path[-1]", "no path"},
		{"open:path[12345678]", "no path"},
		{"open:path[**]", "no path"},
		{"open:path..x", "no path"},
		{"open:path.a[0].b[0].c[0].d[0].e", "no path"},
		{"open:pth.x", "open has no argument pth"},
		{"open:.x", "not a rule"},
		{"process:comm", "not in process records; give process:cmdline"},
		{"process:cmdline[0][1]", "not in process records"},
		{"open:path~(", "wrong pattern: missing closing parenthesis, at character 2"},
		{"open:path~\xff", "the pattern is not UTF-8"},
		{"open:path~(*UTF)x", "wrong pattern"},
	};
	const char *error;
	size_t i, bad;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_null(redactor_new(&cases[i].text, 1, &bad, &error));
		assert_int_equal(bad, 0);
		if (!strstr(error, cases[i].want))
			fail_msg("%s: %s", cases[i].text, error);
	}
	use_rule("open:arg7");
	use_rule("my.own:x");
	use_rule("process:cmdline");
}

static const char *cmdline(const char *text, size_t n, bool cut)
{
	static char line[400];
	char *copy = malloc(n + 1);
	size_t i, len = n;

	memcpy(copy, text, n + 1);
	copy = redact_cmdline(redactor, copy, &len, cut);
	assert_non_null(copy);
	for (i = 0; i < len; i++)
		line[i] = copy[i] ?: '|';
	line[len] = '\0';
	free(copy);
	return line;
}

#define CMDLINE(text) cmdline(text, sizeof(text) - 1, false)

static void test_cmdline(void **state)
{
	assert_string_equal(CMDLINE("python3\0x.py\0--token\0abc\0-v\0"),
			    "python3|x.py|--token|" ARGV "|-v|");
	assert_string_equal(CMDLINE("python3\0http://a:b@c\0"), "python3|http://" URL "@c|");
	assert_string_equal(CMDLINE("python3\0-c\0pass\0"), "python3|-c|pass|");
	assert_string_equal(CMDLINE(""), "");
	assert_string_equal(cmdline("p\0http://a:b", 12, true), "p|http://" URL);
	use_rule("process:cmdline~^x.*$");
	assert_string_equal(CMDLINE("ax\0xa\0"), "ax|<redacted:rule-1/cmdline>|");
	use_rule("process:cmdline[1]");
	assert_string_equal(CMDLINE("ax\0xa\0b\0"), "ax|<redacted:rule-1/cmdline[1]>|b|");
	use_rule("process:cmdline.--cust*~^\\d+");
	assert_string_equal(CMDLINE("a=1\0--CUSTOMER=12x\0--cust=y"),
			    "a=1|--CUSTOMER=<redacted:rule-1/cmdline.--cust*>x|--cust=y");
	use_rule("process:cmd*");
	assert_string_equal(CMDLINE("ax\0xa\0"), "<redacted:rule-1/cmd*>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_urls, teardown),
		cmocka_unit_test_teardown(test_shell, teardown),
		cmocka_unit_test_teardown(test_argv, teardown),
		cmocka_unit_test_teardown(test_argv_kinds, teardown),
		cmocka_unit_test_teardown(test_environment, teardown),
		cmocka_unit_test_teardown(test_environ_object, teardown),
		cmocka_unit_test_teardown(test_protocols, teardown),
		cmocka_unit_test_teardown(test_http, teardown),
		cmocka_unit_test_teardown(test_cut, teardown),
		cmocka_unit_test_teardown(test_untouched, teardown),
		cmocka_unit_test_teardown(test_many_spans, teardown),
		cmocka_unit_test_teardown(test_none, teardown),
		cmocka_unit_test_teardown(test_rules, teardown),
		cmocka_unit_test_teardown(test_rule_keeps_the_rest, teardown),
		cmocka_unit_test_teardown(test_limits, teardown),
		cmocka_unit_test_teardown(test_rule_on_cut_text, teardown),
		cmocka_unit_test_teardown(test_paths, teardown),
		cmocka_unit_test_teardown(test_path_names, teardown),
		cmocka_unit_test_teardown(test_path_unknown_key, teardown),
		cmocka_unit_test_teardown(test_wrong_rules, teardown),
		cmocka_unit_test_teardown(test_cmdline, teardown),
	};
	int failed;

	use(NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	redactor_free(redactor);
	buf_free(&out);
	return failed;
}
