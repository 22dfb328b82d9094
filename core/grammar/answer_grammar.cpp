// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/answer_grammar.h"

#include "core/grammar/schema_compiler.h"

#include <utility>

namespace fulgurite::grammar {

namespace {

constexpr std::uint32_t kMostLeadingSpace = 8;

Fragment thoughts(GrammarBuilder& builder) {
    const RuleId space = builder.rule(builder.anyOf(" \t\r\n"));
    const auto spaces = [&] { return builder.repeat(space, 0, kMostLeadingSpace); };
    const Fragment thinking = builder.sequence({spaces(), builder.literal("<think>"), builder.through("</think>")});
    return builder.sequence({builder.optional(thinking), spaces()});
}

Grammar finished(GrammarBuilder& builder, Fragment body, const std::string& path) {
    const RuleId root = builder.rule(builder.sequence({thoughts(builder), body}));
    try {
        return builder.finish(root);
    } catch (const Error& error) {
        throw SchemaError(error.kind(), path, error.what());
    }
}

} // namespace

Grammar schemaAnswer(const Schema& schema, const std::string& path) {
    GrammarBuilder builder;
    JsonRules json(builder, JsonLayout::Free);
    const RuleId value = SchemaCompiler(builder, json, schema, path).compile();
    return finished(builder, builder.call(value), path);
}

Grammar toolCallAnswer(const std::vector<ToolShape>& tools, bool several) {
    GrammarBuilder builder;
    JsonRules json(builder, JsonLayout::OneLine);
    std::vector<Fragment> calls;
    for (const ToolShape& tool : tools) {
        const RuleId arguments = SchemaCompiler(builder, json, tool.parameters, tool.path).compile();
        calls.push_back(
            builder.sequence({builder.literal("{\"name\":"), json.gap(), builder.literal(Schema(tool.name).dump()),
                              builder.literal(","), json.gap(), builder.literal("\"arguments\":"), json.gap(),
                              builder.call(arguments), builder.literal("}")}));
    }
    const RuleId call = builder.rule(builder.choice(std::move(calls)));
    const RuleId next = builder.rule(builder.sequence({builder.literal("\n"), builder.call(call)}));
    const Fragment block =
        builder.sequence({builder.literal("<tool_calls>\n"), builder.call(call),
                          builder.repeat(next, 0, several ? kUnlimited : 0), builder.literal("\n</tool_calls>")});
    return finished(builder, block, tools.empty() ? "tools" : tools.front().path);
}

} // namespace fulgurite::grammar
