// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/head_columns.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace fulgurite {
namespace {

using capture::HeadFigures;
using Look = HeadColumn::Look;
using Origin = capture::Provenance;

constexpr double kLeastRole = 0.1;

QString text(const char* source) {
    return QCoreApplication::translate("fulgurite", source);
}

std::vector<HeadColumn> makeColumns() {
    return {
        {text("Half-life"), "half",
         text("Tokens after which half of a weight is left. Closed form, exact.\nSoftmax heads do not decay: ∞."),
         text("tokens"), Origin::Exact, &HeadFigures::half_life, Look::Distance},
        {text("Out norm"),
         "norm",
         text("Length of the head's output at the query token, before norm and gate.\nRecorded while the model "
              "ran."),
         {},
         Origin::Exact,
         &HeadFigures::output_norm,
         Look::Bar},
        {text("Gate"),
         "gate",
         text("Mean of the sigmoid gate over the head's channels, 0 to 1. Recorded.\nSoftmax heads have no gate."),
         {},
         Origin::Exact,
         &HeadFigures::gate_mean,
         Look::Number},
        {text("Effect"),
         "effect",
         text("Direct effect on the logit of the token that follows: what this head's slice of the block's output\n"
              "adds through the final norm and head. Approximated: linearised, with every later norm held at the "
              "value\n"
              "it had, and without what later layers make of it. Ablate the head to measure the whole effect."),
         {},
         Origin::Approximated,
         &HeadFigures::logit_effect,
         Look::SignedBar},
        {text("MRAG"),
         "mrag",
         text("Importance after Multi-Head RAG (arXiv 2406.05085): mean output norm times mean distance\n"
              "between outputs, over the captured query positions."),
         {},
         Origin::Exact,
         &HeadFigures::mrag_importance,
         Look::Number},
        {text("Share"),
         "share",
         text("Part of the attention block's output at the query token that points along it; sums to 1 over the\n"
              "heads of a layer and may be negative. Recorded, after norm and gate."),
         {},
         Origin::Exact,
         &HeadFigures::block_share,
         Look::SignedBar},
        {text("Span"), "span",
         text("Tokens that the head spreads its weight over: exp(entropy) of |weight|.\nRecomputed from recorded q "
              "and k."),
         text("tokens"), Origin::Recomputed, &HeadFigures::effective_span, Look::Distance},
        {text("Entropy"), "entropy",
         text("Of |weight| over the source tokens, in nats. Recomputed from recorded q and k."), text("nats"),
         Origin::Recomputed, &HeadFigures::entropy, Look::Number},
        {text("Distance"), "distance",
         text("Mean distance back of the source tokens under |weight|, in tokens.\nRecomputed from recorded q and "
              "k."),
         text("tokens"), Origin::Recomputed, &HeadFigures::mean_distance, Look::Distance},
        {text("Previous"),
         "previous",
         text("Share of |weight| on the token before the query."),
         {},
         Origin::Recomputed,
         &HeadFigures::previous_token,
         Look::Share},
        {text("Induction"),
         "induction",
         text("Share of |weight| on tokens that follow an earlier occurrence of the query token."),
         {},
         Origin::Recomputed,
         &HeadFigures::induction,
         Look::Share},
        {text("Recall"),
         "recall",
         text("Share of |weight| on the marked fact. Nothing where none was marked."),
         {},
         Origin::Recomputed,
         &HeadFigures::planted_fact,
         Look::Share},
    };
}

struct KnownRole {
    const char* name;
    float HeadFigures::*score;
};
constexpr std::array<KnownRole, 3> kRoles{{{"recall", &HeadFigures::planted_fact},
                                           {"induction", &HeadFigures::induction},
                                           {"previous", &HeadFigures::previous_token}}};

const KnownRole* best(const HeadFigures& figures) {
    const KnownRole* found = nullptr;
    for (const KnownRole& role : kRoles) {
        const float score = figures.*role.score;
        if (!std::isnan(score) && (!found || score > figures.*found->score)) {
            found = &role;
        }
    }
    return found;
}

} // namespace

const std::vector<HeadColumn>& headColumns() {
    static const std::vector<HeadColumn> columns = makeColumns();
    return columns;
}

const HeadColumn* findHeadColumn(const QString& key) {
    const auto& columns = headColumns();
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&key](const HeadColumn& each) { return each.key == key; });
    return found == columns.end() ? nullptr : &*found;
}

QString bestRole(const HeadFigures& figures) {
    const KnownRole* role = best(figures);
    if (!role || figures.*role->score < kLeastRole) {
        return {};
    }
    return text(role->name) + u' ' + QLocale().toString(figures.*role->score, 'f', 2);
}

double bestRoleScore(const HeadFigures& figures) {
    const KnownRole* role = best(figures);
    return role ? figures.*role->score : std::numeric_limits<double>::quiet_NaN();
}

} // namespace fulgurite
