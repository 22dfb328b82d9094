// SPDX-License-Identifier: Apache-2.0
#include "core/text/jinja/evaluator.h"

#include "core/text/jinja/builtins.h"
#include "core/text/jinja/operators.h"

#include <algorithm>
#include <fmt/format.h>

namespace fulgurite::jinja {
namespace {

constexpr int kMaxEvaluations = 400; // of evaluations inside each other, macros included
constexpr const char* kGlobals[] = {"dict", "namespace", "raise_exception", "range", "strftime_now"};

// The template itself asked for the end.
class Raised : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Evaluator {
  public:
    Evaluator(Variables variables, Budget& budget) : budget_(budget) { scopes_.push_back(std::move(variables)); }

    std::string run(const Statements& statements) {
        std::string out;
        execute(statements, out);
        return out;
    }

    std::size_t place() const { return place_; }

  private:
    enum class Flow { Normal, Break, Continue };

    class Depth {
      public:
        explicit Depth(Evaluator& evaluator) : evaluator_(evaluator) {
            evaluator_.budget_.step();
            if (++evaluator_.depth_ > kMaxEvaluations) {
                throw Problem(fmt::format("the template calls itself deeper than {} levels", kMaxEvaluations));
            }
        }
        ~Depth() { --evaluator_.depth_; }
        Depth(const Depth&) = delete;
        Depth& operator=(const Depth&) = delete;

      private:
        Evaluator& evaluator_;
    };

    void print(std::string_view text, std::string& out) {
        budget_.bytes(text.size());
        out += text;
    }

    Flow execute(const Statements& statements, std::string& out) {
        for (const StatementPtr& statement : statements) {
            const Flow flow = execute(*statement, out);
            if (flow != Flow::Normal) {
                return flow;
            }
        }
        return Flow::Normal;
    }

    Flow execute(const Statement& statement, std::string& out) {
        const Depth depth(*this);
        place_ = statement.at;
        switch (statement.kind) {
        case StatementKind::Text:
            print(statement.text, out);
            return Flow::Normal;
        case StatementKind::Print:
            print(toText(evaluate(*statement.expression), budget_), out);
            return Flow::Normal;
        case StatementKind::If:
            return executeIf(statement, out);
        case StatementKind::For:
            return executeFor(statement, out);
        case StatementKind::Set:
            executeSet(statement);
            return Flow::Normal;
        case StatementKind::Macro:
            defineMacro(statement);
            return Flow::Normal;
        case StatementKind::Break:
            return Flow::Break;
        case StatementKind::Continue:
            return Flow::Continue;
        case StatementKind::Block:
            return execute(statement.body, out);
        }
        return Flow::Normal;
    }

    Flow executeIf(const Statement& statement, std::string& out) {
        for (const Branch& branch : statement.branches) {
            if (!branch.condition || truthy(evaluate(*branch.condition))) {
                return execute(branch.body, out);
            }
        }
        return Flow::Normal;
    }

    Flow executeFor(const Statement& statement, std::string& out) {
        std::shared_ptr<const List> items = iterate(evaluate(*statement.expression), budget_);
        if (statement.condition) {
            items = passing(statement, *items);
        }
        for (std::size_t i = 0; i < items->items.size(); ++i) {
            scopes_.emplace_back();
            assign(statement.targets, items->items[i]);
            set("loop", {std::make_shared<const Loop>(Loop{items, i})});
            const Flow flow = execute(statement.body, out);
            scopes_.pop_back();
            if (flow == Flow::Break) {
                break;
            }
        }
        return items->items.empty() ? execute(statement.otherwise, out) : Flow::Normal;
    }

    std::shared_ptr<const List> passing(const Statement& statement, const List& all) {
        std::vector<Value> kept;
        for (const Value& item : all.items) {
            scopes_.emplace_back();
            assign(statement.targets, item);
            if (truthy(evaluate(*statement.condition))) {
                kept.push_back(item);
            }
            scopes_.pop_back();
        }
        return std::make_shared<const List>(List{std::move(kept), all.depth});
    }

    void executeSet(const Statement& statement) {
        Value value;
        if (statement.expression) {
            value = evaluate(*statement.expression);
        } else {
            std::string text;
            execute(statement.body, text);
            value = makeText(std::move(text));
        }
        place_ = statement.at;
        if (statement.text.empty()) {
            assign(statement.targets, value);
            return;
        }
        const Value* space = lookUp(statement.targets[0]);
        if (space == nullptr || !space->is<std::shared_ptr<Namespace>>()) {
            throw Problem(fmt::format("'{}' is no namespace; only attributes of a namespace can be set",
                                      statement.targets[0]));
        }
        budget_.step(space->as<std::shared_ptr<Namespace>>()->fields.items.size());
        setField(*space->as<std::shared_ptr<Namespace>>(), statement.text, std::move(value));
    }

    void assign(const std::vector<std::string>& targets, const Value& value) {
        if (targets.size() == 1) {
            set(targets[0], value);
            return;
        }
        const auto items = iterate(value, budget_);
        if (items->items.size() != targets.size()) {
            throw Problem(fmt::format("{} names, but {} values to assign", targets.size(), items->items.size()));
        }
        for (std::size_t i = 0; i < targets.size(); ++i) {
            set(targets[i], items->items[i]);
        }
    }

    void set(const std::string& name, Value value) {
        Variables& scope = scopes_.back();
        budget_.step(scope.size() / 8);
        const auto found = std::find_if(scope.begin(), scope.end(), [&](const auto& v) { return v.first == name; });
        if (found == scope.end()) {
            scope.emplace_back(name, std::move(value));
        } else {
            found->second = std::move(value);
        }
    }

    // Null when nothing has that name. Inside a macro only its own names and those of the template itself count.
    const Value* lookUp(const std::string& name) {
        for (std::size_t i = scopes_.size(); i-- > 0;) {
            if (i < base_ && i > 0) {
                i = 1; // next comes the outermost
                continue;
            }
            budget_.step(scopes_[i].size() / 8);
            for (const auto& [key, value] : scopes_[i]) {
                if (key == name) {
                    return &value;
                }
            }
        }
        return nullptr;
    }

    void defineMacro(const Statement& statement) {
        macros_.push_back(std::make_unique<const Macro>(Macro{&statement}));
        set(statement.text,
            {std::make_shared<const Callable>(Callable{statement.text, nullptr, macros_.back().get()})});
    }

    Value evaluate(const Expression& node) {
        const Depth depth(*this);
        place_ = node.at;
        switch (node.kind) {
        case ExpressionKind::Constant:
            return node.constant;
        case ExpressionKind::Name:
            return evaluateName(node);
        case ExpressionKind::List:
            return makeList(evaluateAll(node.items));
        case ExpressionKind::Dict:
            return evaluateDict(node);
        case ExpressionKind::Concat:
            return evaluateConcat(node);
        case ExpressionKind::Binary:
            return evaluateBinary(node);
        case ExpressionKind::Not:
            return {!truthy(evaluate(*node.items[0]))};
        case ExpressionKind::Negate:
            return negate(evaluate(*node.items[0]));
        case ExpressionKind::And:
        case ExpressionKind::Or:
            return evaluateLogic(node);
        case ExpressionKind::Conditional:
            return evaluateConditional(node);
        case ExpressionKind::Attribute:
        case ExpressionKind::Index:
        case ExpressionKind::Slice:
            return evaluateAccess(node);
        case ExpressionKind::Call:
            return evaluateCall(node);
        case ExpressionKind::Filter:
        case ExpressionKind::Test:
            return evaluateBuiltin(node);
        }
        return {};
    }

    Value evaluateName(const Expression& node) {
        if (const Value* value = lookUp(node.text)) {
            return *value;
        }
        const bool global = node.text != "strftime_now" &&
                            std::find(std::begin(kGlobals), std::end(kGlobals), node.text) != std::end(kGlobals);
        if (global) {
            return {std::make_shared<const Callable>(Callable{node.text, nullptr, nullptr})};
        }
        return {Undefined{node.text}};
    }

    std::vector<Value> evaluateAll(const std::vector<ExpressionPtr>& nodes) {
        std::vector<Value> values;
        values.reserve(nodes.size());
        for (const ExpressionPtr& node : nodes) {
            values.push_back(evaluate(*node));
        }
        return values;
    }

    Value evaluateDict(const Expression& node) {
        std::vector<std::pair<std::string, Value>> items;
        for (std::size_t i = 0; i < node.items.size(); i += 2) {
            const Value key = evaluate(*node.items[i]);
            place_ = node.items[i]->at;
            if (!key.isText()) {
                throw Problem(fmt::format("{} cannot be a key; keys are strings", describe(key)));
            }
            budget_.step(items.size() / 8);
            const auto same = std::find_if(items.begin(), items.end(),
                                           [&](const auto& item) { return item.first == key.text(); });
            Value value = evaluate(*node.items[i + 1]);
            if (same == items.end()) {
                items.emplace_back(key.text(), std::move(value));
            } else {
                same->second = std::move(value);
            }
        }
        return makeDict(std::move(items));
    }

    Value evaluateConcat(const Expression& node) {
        std::string out;
        for (const ExpressionPtr& item : node.items) {
            out += toText(evaluate(*item), budget_);
        }
        return makeText(std::move(out));
    }

    Value evaluateBinary(const Expression& node) {
        const Value left = evaluate(*node.items[0]);
        const Value right = evaluate(*node.items[1]);
        place_ = node.at;
        return applyBinary(node.text, left, right, budget_);
    }

    Value evaluateLogic(const Expression& node) {
        Value value;
        for (const ExpressionPtr& item : node.items) {
            value = evaluate(*item);
            if (truthy(value) == (node.kind == ExpressionKind::Or)) {
                break;
            }
        }
        return value;
    }

    Value evaluateConditional(const Expression& node) {
        if (truthy(evaluate(*node.items[1]))) {
            return evaluate(*node.items[0]);
        }
        return node.items.size() > 2 ? evaluate(*node.items[2]) : Value{};
    }

    Value evaluateAccess(const Expression& node) {
        const Value object = evaluate(*node.items[0]);
        if (node.kind == ExpressionKind::Attribute) {
            place_ = node.at;
            return attributeOf(object, node.text, budget_);
        }
        std::array<Value, 3> parts;
        std::array<const Value*, 3> given{};
        for (std::size_t i = 1; i < node.items.size(); ++i) {
            if (node.items[i]) {
                parts[i - 1] = evaluate(*node.items[i]);
                given[i - 1] = &parts[i - 1];
            }
        }
        place_ = node.at;
        return node.kind == ExpressionKind::Index ? itemOf(object, parts[0], budget_)
                                                  : slice(object, given[0], given[1], given[2], budget_);
    }

    CallArguments evaluateArguments(const Arguments& nodes) {
        CallArguments arguments{evaluateAll(nodes.positional), {}};
        for (const auto& [name, node] : nodes.named) {
            arguments.named.emplace_back(name, evaluate(*node));
        }
        return arguments;
    }

    Value evaluateBuiltin(const Expression& node) {
        const Value input = evaluate(*node.items[0]);
        const CallArguments arguments = evaluateArguments(node.arguments);
        place_ = node.at;
        const bool filter = node.kind == ExpressionKind::Filter;
        return invoke(*(filter ? findFilter(node.text) : findTest(node.text)), input, arguments, budget_);
    }

    Value evaluateCall(const Expression& node) {
        const Value function = evaluate(*node.items[0]);
        const CallArguments arguments = evaluateArguments(node.arguments);
        place_ = node.at;
        if (!function.is<std::shared_ptr<const Callable>>()) {
            const bool clock = function.isUndefined() && function.as<Undefined>().name == "strftime_now";
            throw Problem(clock ? "strftime_now is not supported: the same messages must give the same prompt"
                                : fmt::format("{} cannot be called", describe(function)));
        }
        const Callable& callable = *function.as<std::shared_ptr<const Callable>>();
        if (callable.macro != nullptr) {
            return callMacro(*callable.macro->statement, arguments);
        }
        if (callable.self) {
            return invoke(*findMethod(*callable.self, callable.name), *callable.self, arguments, budget_);
        }
        return callGlobal(callable.name, arguments);
    }

    Value callMacro(const Statement& macro, const CallArguments& arguments) {
        if (arguments.positional.size() > macro.parameters.size()) {
            throw Problem(fmt::format("{} takes {} arguments, not {}", macro.text, macro.parameters.size(),
                                      arguments.positional.size()));
        }
        for (const auto& [name, value] : arguments.named) {
            const bool known = std::any_of(macro.parameters.begin(), macro.parameters.end(),
                                           [&name = name](const Parameter& p) { return p.name == name; });
            if (!known) {
                throw Problem(fmt::format("{} has no argument '{}'", macro.text, name));
            }
        }
        const std::size_t base = std::exchange(base_, scopes_.size());
        scopes_.emplace_back();
        for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
            const Parameter& parameter = macro.parameters[i];
            const auto named = std::find_if(arguments.named.begin(), arguments.named.end(),
                                            [&](const auto& argument) { return argument.first == parameter.name; });
            Value value{Undefined{parameter.name}};
            if (i < arguments.positional.size()) {
                value = arguments.positional[i];
            } else if (named != arguments.named.end()) {
                value = named->second;
            } else if (parameter.otherwise) {
                value = evaluate(*parameter.otherwise);
            }
            set(parameter.name, std::move(value));
        }
        std::string out;
        execute(macro.body, out);
        scopes_.pop_back();
        base_ = base;
        return makeText(std::move(out));
    }

    Value callGlobal(const std::string& name, const CallArguments& arguments) {
        if (name == "range") {
            return makeRange(arguments);
        }
        if (name == "raise_exception") {
            throw Raised(arguments.positional.empty() ? "the template refuses the messages"
                                                      : toText(arguments.positional[0], budget_));
        }
        if (!arguments.positional.empty()) {
            throw Problem(fmt::format("{} takes named arguments only", name));
        }
        if (name == "dict") {
            return makeDict(arguments.named);
        }
        auto space = std::make_shared<Namespace>();
        for (const auto& [key, value] : arguments.named) {
            setField(*space, key, value);
        }
        return {std::move(space)};
    }

    Value makeRange(const CallArguments& arguments) {
        std::vector<std::int64_t> bounds;
        for (const Value& value : arguments.positional) {
            if (!value.isInteger()) {
                throw Problem(fmt::format("range needs integers, not {}", describe(value)));
            }
            bounds.push_back(value.integer());
        }
        if (bounds.empty() || bounds.size() > 3 || !arguments.named.empty()) {
            throw Problem("range takes one to three arguments");
        }
        const std::int64_t begin = bounds.size() > 1 ? bounds[0] : 0;
        const std::int64_t end = bounds.size() > 1 ? bounds[1] : bounds[0];
        const std::int64_t step = bounds.size() > 2 ? bounds[2] : 1;
        if (step == 0) {
            throw Problem("the step of a range is zero");
        }
        std::vector<Value> items;
        for (std::int64_t i = begin; step > 0 ? i < end : i > end;) {
            budget_.step();
            items.push_back({i});
            if (__builtin_add_overflow(i, step, &i)) {
                break;
            }
        }
        return makeList(std::move(items));
    }

    Budget& budget_;
    std::vector<Variables> scopes_;
    std::size_t base_ = 0; // where the scopes of the macro that runs begin
    std::vector<std::unique_ptr<const Macro>> macros_;
    std::size_t place_ = 0;
    int depth_ = 0;
};

} // namespace

std::string render(const Source& source, const Statements& statements, Variables variables, Budget& budget) {
    Evaluator evaluator(std::move(variables), budget);
    try {
        return evaluator.run(statements);
    } catch (const Problem& problem) {
        source.fail(ErrorKind::InvalidInput, evaluator.place(), problem.what());
    } catch (const Raised& raised) {
        source.fail(ErrorKind::InvalidInput, evaluator.place(),
                    fmt::format("the template refuses the messages: {}", raised.what()));
    }
}

} // namespace fulgurite::jinja
