// SPDX-License-Identifier: Apache-2.0
// The template language: expected results are what Jinja 3 gives with trim_blocks and lstrip_blocks, but for tuples,
// which are lists here.
#include "core/base/error.h"
#include "core/text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fulgurite {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

std::string run(const std::string& source) {
    static const Json messages = Json::parse(R"([{"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yo", "n": 3, "f": 2.5, "flags": [true, false, null], "it's": "\"q\""}])");
    return ChatTemplate::parse(source, "t")->renderOrdered(messages, nullptr, true);
}

struct Case {
    const char* source;
    const char* expected;
};

class JinjaGives : public testing::TestWithParam<Case> {};

TEST_P(JinjaGives, TheSame) {
    EXPECT_EQ(run(GetParam().source), GetParam().expected) << GetParam().source;
}

INSTANTIATE_TEST_SUITE_P(
    Expressions, JinjaGives,
    testing::Values(Case{"{{ 1 + 2 * 3 ** 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 1 / 2 }} {{ 2 ** -1 }}",
                         "19 3 -4 2 0.5 0.5"},
                    Case{"{{ 1e16 }} {{ 1.0 }} {{ 0.1 + 0.2 }} {{ 1e-5 }} {{ 123456.0 }}",
                         "1e+16 1.0 0.30000000000000004 1e-05 123456.0"},
                    Case{"{{ 'a' 'b' \"c\" ~ 1 ~ none ~ true }}", "abc1NoneTrue"},
                    Case{"{{ 'x' * 3 ~ 2 * 'ab' }}", "xxxabab"},
                    Case{"{{ not false and 1 < 2 or raise_exception('no') }}", "True"},
                    Case{"{{ 'a' if false }}|{{ 'a' if 0 else 'b' if '' else 'c' }}", "|c"},
                    Case{"{{ 'b' in 'abc' }} {{ 2 not in [1, 2] }} {{ 'role' in messages[0] }}", "True False True"},
                    Case{"{{ [1, 'a', none, 2.0] }} {{ {'k': [1], 'k2': \"it's\"} }} {{ (1, 2) }}",
                         "[1, 'a', None, 2.0] {'k': [1], 'k2': \"it's\"} [1, 2]"},
                    Case{"{{ messages[-1].content[::-1] }}{{ 'héllo'[1] }}{{ 'héllo'[1:3] }}{{ [1,2,3,4][1::2] }}",
                         "oYéél[2, 4]"},
                    Case{"{{ messages[1]['flags'] | tojson }} {{ messages[1].n + messages[1].f }}",
                         "[true, false, null] 5.5"},
                    Case{"{{ messages[9] }}{{ nothing }}{{ messages[0].nope is defined }}", "False"},
                    Case{"{{ 'A\\n\\t\\\\\\'\\x41\\u00e9\\q' }}", "A\n\t\\'A\u00e9\\q"},
                    Case{"{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ "
                         "'a,b,c'.rsplit(',', 1) }}",
                         "['a', 'b', '', 'c'] ['a', 'b'] ['a', 'b,c'] ['a,b', 'c']"},
                    Case{"{{ 'x</think>y'.split('</think>')[-1].strip('y') }}{{ ' s '.lstrip() }}|{{ "
                         "'abc'.startswith(('x', 'a')) }}",
                         "s |True"},
                    Case{"{{ messages[1].items() | list | length }} {{ messages[0].keys() | join('+') }} {{ "
                         "messages[0].get('z', 4) }}",
                         "6 role+content 4"},
                    Case{"{{ \"it's\" | tojson }} {{ messages[1] | tojson }}",
                         "\"it's\" {\"role\": \"assistant\", \"content\": \"Yo\", \"n\": 3, \"f\": 2.5, \"flags\": "
                         "[true, false, null], "
                         "\"it's\": \"\\\"q\\\"\"}"},
                    Case{"{{ {'a': [1, {}], 'b': []} | tojson(indent=2) }}",
                         "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}"}));

INSTANTIATE_TEST_SUITE_P(
    Filters, JinjaGives,
    testing::Values(
        Case{"{{ '  é  ' | trim | upper }} {{ 'ABC' | lower }} {{ 'hello WORLD' | capitalize }} {{ 'hello wORLD' | "
             "title }}",
             "É abc Hello world Hello World"},
        Case{"{{ [3, 1] | length }} {{ 'é你' | length }} {{ messages | count }}", "2 2 2"},
        Case{"{{ x | default('d') }} {{ '' | default('e', true) }} {{ none | d('n') }}", "d e None"},
        Case{"{{ [1, 2] | join(', ') }} {{ messages | map(attribute='role') | join('/') }} {{ ['a'] | map('upper') "
             "| list }}",
             "1, 2 user/assistant ['A']"},
        Case{"{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ [1, 2, 3] | select('odd') "
             "| list }} "
             "{{ [0, 1] | reject | list }} {{ messages | rejectattr('n') | map(attribute='content') | first }}",
             "1 [1, 3] [0] Hi"},
        Case{"{{ 'abc' | first }}{{ [1, 2] | last }}{{ [1, 2] | reverse | list }}{{ 'abc' | reverse }}",
             "a2[2, 1]cba"},
        Case{"{{ 'a-b-c' | replace('-', '+') }} {{ '42' | int + 1 }} {{ 'x' | int(7) }} {{ '1.5' | float }} {{ 3 | "
             "string ~ 1 }}",
             "a+b+c 43 7 1.5 31"},
        Case{"{{ 4 is even and 3 is odd and 'a' is string and 1 is number and {} is mapping and [] is sequence and "
             "x is undefined "
             "and none is none and 'a' is not none and 1 is eq 1 and 2 is in [2] and 9 is divisibleby 3 }}",
             "True"}));

INSTANTIATE_TEST_SUITE_P(
    Statements, JinjaGives,
    testing::Values(
        Case{"{% for i in range(3) %}{{ loop.index }}{{ loop.first }}{{ loop.last }} {% endfor %}",
             "1TrueFalse 2FalseFalse 3FalseTrue "},
        Case{"{% for i in range(5, 0, -2) %}{{ i }}{{ loop.revindex0 }}{% else %}none{% endfor %}", "523110"},
        Case{"{% for i in [] %}x{% else %}none{% endfor %}", "none"},
        Case{"{% for k, v in {'a': 1, 'b': 2}.items() if v > 1 %}{{ k }}={{ v }}{% endfor %}", "b=2"},
        Case{"{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif "
             "%}{{ i }}"
             "{% endfor %}",
             "02"},
        Case{"{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "231"},
        Case{"{% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
             "6"},
        Case{"{% set x %}a{{ 1 }}{% endset %}{{ x }}{% set a, b = 'x', 'y' %}{{ b }}{{ a }}", "a1yx"},
        Case{"{% macro f(a, b='B') %}({{ a }}{{ b }}{{ add_generation_prompt }}){% endmacro %}{{ f(1) }}{{ f(a=2, "
             "b=3) }}",
             "(1BTrue)(23True)"},
        Case{"{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "3210"},
        Case{"{% if false %}a{% elif true %}b{% else %}c{% endif %}", "b"},
        Case{"{% raw %}{{ x }}{% endraw %}{# comment #}!{% generation %}g{% endgeneration %}", "{{ x }}!g"},
        // As Jinja has it: what stands behind raw's beginning stays, newline and blanks.
        Case{"a{% raw %}\nfoo{% endraw %}\nb", "a\nfoob"}, Case{"a{% raw -%}\n foo{% endraw %}\nb", "afoob"},
        Case{"x\n  {% raw %}\n{{ a }}\n  {% endraw %}y", "x\n\n{{ a }}\ny"},
        Case{"x\n  {% raw %}  {% endraw %}y", "x\n  y"}, Case{"a{% raw %}  {%- endraw -%}\nb", "ab"},
        Case{"a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "a\n  b\nc"},
        Case{"a\n  {{- ' b' -}}\n  c\n{%+ if true +%}\nd{% endif %}", "a bc\n\nd"},
        Case{"a  {%- if true -%}  b  {%- endif %}\nc", "abc"},
        Case{"  {# x #}\n{% if true %}  y{% endif %}", "  y"}, Case{"x\r\ny{{ '\\r' }}\r\n", "x\ny\r"}));

std::string errorOf(const std::string& source, ErrorKind kind) {
    try {
        return "no error: " + run(source);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        return error.what();
    }
}

TEST(Jinja, SyntaxErrorsHaveThePlace) {
    EXPECT_EQ(errorOf("a\nbé{{ 1 + }}", ErrorKind::Corrupt),
              "t, line 2, column 10: expected an expression, found '}}'");
    EXPECT_THAT(errorOf("{% if x %}", ErrorKind::Corrupt), HasSubstr("expected 'endif', found the end"));
    EXPECT_THAT(errorOf("{% endif %}", ErrorKind::Corrupt), HasSubstr("unexpected statement 'endif'"));
    EXPECT_THAT(errorOf("{{ 'a }}", ErrorKind::Corrupt), HasSubstr("line 1, column 4: the string is not closed"));
    EXPECT_THAT(errorOf("{{ a", ErrorKind::Corrupt), HasSubstr("the tag is not closed by }}"));
    EXPECT_THAT(errorOf("{# a", ErrorKind::Corrupt), HasSubstr("the comment is not closed"));
    EXPECT_THAT(errorOf("{{ a ? b }}", ErrorKind::Corrupt), HasSubstr("unexpected character '?'"));
    EXPECT_THAT(errorOf("{% break %}", ErrorKind::Corrupt), HasSubstr("outside of a for"));
    EXPECT_THAT(errorOf("{{ 99999999999999999999 }}", ErrorKind::Corrupt), HasSubstr("out of range"));
    EXPECT_THAT(errorOf("{{ '\\ud800' }}", ErrorKind::Corrupt), HasSubstr("not a Unicode character"));
}

TEST(Jinja, SaysWhatItLeavesOut) {
    EXPECT_EQ(errorOf("{% include 'x' %}", ErrorKind::Unsupported),
              "t, line 1, column 4: the statement 'include' is not supported in chat templates");
    EXPECT_THAT(errorOf("{{ 1 | frobnicate }}", ErrorKind::Unsupported), HasSubstr("the filter 'frobnicate'"));
    EXPECT_THAT(errorOf("{{ 1 is prime }}", ErrorKind::Unsupported), HasSubstr("the test 'prime'"));
    EXPECT_THAT(errorOf("{{ 1 < 2 < 3 }}", ErrorKind::Unsupported), HasSubstr("a chain of comparisons"));
    EXPECT_THAT(errorOf("{{ f(*x) }}", ErrorKind::Unsupported), HasSubstr("unpacking"));
    EXPECT_THAT(errorOf("{{ strftime_now('%Y') }}", ErrorKind::InvalidInput),
                HasSubstr("strftime_now is not supported"));
}

TEST(Jinja, RuntimeErrorsHaveThePlace) {
    EXPECT_EQ(errorOf("\n {{ 'a' + 1 }}", ErrorKind::InvalidInput),
              "t, line 2, column 9: cannot add a string and an integer");
    EXPECT_THAT(errorOf("{{ x.y }}", ErrorKind::InvalidInput), HasSubstr("'x' (undefined) has no attribute 'y'"));
    EXPECT_THAT(errorOf("{{ 1 // 0 }}", ErrorKind::InvalidInput), HasSubstr("division by zero"));
    EXPECT_THAT(errorOf("{{ 9223372036854775807 + 1 }}", ErrorKind::InvalidInput), HasSubstr("out of range"));
    EXPECT_THAT(errorOf("{{ 'a'.upper(1) }}", ErrorKind::InvalidInput), HasSubstr("upper takes 0 arguments"));
    EXPECT_THAT(errorOf("{{ nothing() }}", ErrorKind::InvalidInput),
                HasSubstr("'nothing' (undefined) cannot be called"));
    EXPECT_THAT(errorOf("{% set a.b = 1 %}", ErrorKind::InvalidInput), HasSubstr("'a' is no namespace"));
    EXPECT_THAT(errorOf("{% for i in 3 %}{% endfor %}", ErrorKind::InvalidInput), HasSubstr("cannot be iterated"));
}

TEST(Jinja, HostileTemplatesEnd) {
    const std::string deep(5000, '(');
    const std::string closed(5000, ')');
    EXPECT_THAT(errorOf("{{ " + deep + "1" + closed + " }}", ErrorKind::Corrupt), HasSubstr("nested deeper"));
    std::string sum = "{{ 1";
    for (int i = 0; i < 5000; ++i) {
        sum += "+1";
    }
    EXPECT_THAT(errorOf(sum + " }}", ErrorKind::Corrupt), HasSubstr("operations deep"));
    EXPECT_THAT(errorOf("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                        ErrorKind::InvalidInput),
                HasSubstr("steps"));
    EXPECT_THAT(errorOf("{% set ns = namespace(s='aaaaaaaa') %}{% for a in range(99) %}{% set ns.s = ns.s ~ ns.s "
                        "%}{% endfor %}",
                        ErrorKind::InvalidInput),
                HasSubstr("bytes of text"));
    EXPECT_THAT(errorOf("{{ 'x' * 999999999999 }}", ErrorKind::InvalidInput), HasSubstr("bytes of text"));
    EXPECT_THAT(errorOf("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", ErrorKind::InvalidInput),
                HasSubstr("deeper"));
    EXPECT_THAT(
        errorOf("{% set ns = namespace(l=[]) %}{% for a in range(999) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}",
                ErrorKind::InvalidInput),
        HasSubstr("nested deeper"));
    EXPECT_THAT(
        errorOf("{% set ns = namespace(l=[]) %}{% for a in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}"
                "{{ ns.l == ns.l }}{{ ns.l }}",
                ErrorKind::InvalidInput),
        HasSubstr("steps"));
    EXPECT_THAT(errorOf("{% set ns = namespace() %}{% set ns.me = ns %}", ErrorKind::InvalidInput),
                HasSubstr("cannot be put into"));
}

} // namespace
} // namespace fulgurite
