// SPDX-License-Identifier: Apache-2.0
// The mixture of experts in both directions.
#include "core/train/layer_pass.h"

namespace fulgurite {

namespace {

const float* gatherRows(const LayerContext& c, const float* normed, const ExpertPlan& plan) {
    const std::size_t slots = plan.source.size();
    float* in = c.scratch.expert_in.atLeast(slots * c.hidden());
    c.ops.gather({normed, plan.source.data(), slots, c.hidden(), in}, c.queue);
    return in;
}

// Calls body(expert, first slot, slots) for each expert that has any.
template <class Body>
void forExperts(const ExpertPlan& plan, const Body& body) {
    for (std::size_t e = 0; e < plan.groups.size(); ++e) {
        if (plan.groups[e].count > 0) {
            body(e, plan.groups[e].first, plan.groups[e].count);
        }
    }
}

void route(const LayerContext& c, const LayerSlots& slots, const float* normed, LayerActivations& saved) {
    const std::size_t top_k = c.topK();
    float* logits = saved.router_logits.atLeast(c.rows * c.experts());
    const kernels::LinearTask router[] = {
        {normed, c.hidden(), c.rows, c.matrix(slots.router, c.experts(), c.hidden()), logits, c.experts()}};
    c.ops.linear(std::span(router), c.queue);
    const std::size_t choices = c.rows * top_k;
    LayerScratch& s = c.scratch;
    std::int32_t* ids = s.choices.atLeast(choices);
    float* weights = s.choice_weights.atLeast(choices);
    c.ops.route({logits, c.rows, c.experts(), top_k, ids, weights}, c.queue);
    // From falling weight to rising index, the order of summation.
    std::vector<std::int32_t> chosen(choices);
    std::vector<float> of_chosen(choices);
    c.place.get(chosen.data(), ids, choices);
    c.place.get(of_chosen.data(), weights, choices);
    saved.plan.build(chosen, top_k, c.experts());
    s.indices.resize(choices);
    s.values.resize(choices);
    for (std::size_t i = 0; i < choices; ++i) {
        const std::size_t at = i / top_k * top_k + static_cast<std::size_t>(saved.plan.choice[i]);
        s.indices[i] = chosen[at];
        s.values[i] = of_chosen[at];
    }
    c.place.put(saved.ids.atLeast(choices), s.indices.data(), choices);
    c.place.put(saved.weights.atLeast(choices), s.values.data(), choices);
    c.place.put(saved.slots.atLeast(choices), saved.plan.slots.data(), choices);
}

// Gradients of the experts' matrices and of the rows that went in, given the gradient of what came out.
float* expertGradients(const LayerContext& c, const LayerSlots& slots, const float* expert_in,
                       LayerActivations& saved, const float* dexpert_out) {
    const std::size_t h = c.hidden();
    const std::size_t f = c.width();
    const std::size_t rows = saved.plan.source.size();
    LayerScratch& s = c.scratch;
    float* hidden = s.expert_hidden.atLeast(rows * f);
    c.ops.swiglu({saved.expert_gate.data(), saved.expert_up.data(), hidden, rows * f}, c.queue);
    s.weight_tasks.clear();
    forExperts(saved.plan, [&](std::size_t e, std::size_t first, std::size_t count) {
        s.weight_tasks.push_back(
            {dexpert_out + first * h, h, count, hidden + first * f, f, h, f, c.gradients + slots.experts[e].down});
    });
    c.products.linear_weight(s.weight_tasks, c.queue);
    s.input_tasks.clear();
    forExperts(saved.plan, [&](std::size_t e, std::size_t first, std::size_t count) {
        s.input_tasks.push_back({dexpert_out + first * h, h, count, c.weight(slots.experts[e].down), h, f,
                                 hidden + first * f, f, false});
    });
    c.products.linear_input(s.input_tasks, c.queue);
    float* dgate = s.gate_slots.atLeast(rows * f);
    float* dup = s.up_slots.atLeast(rows * f);
    c.grads.swiglu({saved.expert_gate.data(), saved.expert_up.data(), hidden, dgate, dup, rows * f}, c.queue);
    s.weight_tasks.clear();
    forExperts(saved.plan, [&](std::size_t e, std::size_t first, std::size_t count) {
        const float* x = expert_in + first * h;
        s.weight_tasks.push_back({dgate + first * f, f, count, x, h, f, h, c.gradients + slots.experts[e].gate});
        s.weight_tasks.push_back({dup + first * f, f, count, x, h, f, h, c.gradients + slots.experts[e].up});
    });
    c.products.linear_weight(s.weight_tasks, c.queue);
    float* dexpert_in = s.expert_in.data(); // what went in is no longer needed
    for (const bool up : {false, true}) {
        s.input_tasks.clear();
        forExperts(saved.plan, [&](std::size_t e, std::size_t first, std::size_t count) {
            const ExpertSlots& expert = slots.experts[e];
            s.input_tasks.push_back({(up ? dup : dgate) + first * f, f, count,
                                     c.weight(up ? expert.up : expert.gate), f, h, dexpert_in + first * h, h, up});
        });
        c.products.linear_input(s.input_tasks, c.queue);
    }
    return dexpert_in;
}

// Adds the gradient of the load-balance loss to dlogits and returns the loss without its coefficient.
double addBalance(const LayerContext& c, LayerActivations& saved, double coefficient, float* dlogits) {
    const std::size_t experts = c.experts();
    const double rows = static_cast<double>(c.rows);
    std::vector<float> slope(experts);
    for (std::size_t e = 0; e < experts; ++e) {
        const double share = static_cast<double>(saved.plan.groups[e].count) / rows;
        slope[e] = static_cast<float>(coefficient * static_cast<double>(experts) * share / rows);
    }
    std::vector<double> sums(experts, 0.0);
    float* slope_there = c.scratch.balance_slope.atLeast(experts);
    double* sums_there = c.scratch.probability_sums.atLeast(experts);
    c.place.put(slope_there, slope.data(), experts);
    c.place.put(sums_there, sums.data(), experts);
    c.grads.balance({saved.router_logits.data(), slope_there, c.rows, experts, dlogits, sums_there}, c.queue);
    c.place.get(sums.data(), sums_there, experts);
    double loss = 0;
    for (std::size_t e = 0; e < experts; ++e) {
        loss += static_cast<double>(saved.plan.groups[e].count) / rows * sums[e] / rows;
    }
    return loss * static_cast<double>(experts);
}

} // namespace

void expertsForward(LayerContext& c, std::size_t layer, const float* normed, LayerActivations& saved,
                    float* branch) {
    const LayerSlots& slots = c.model.layout().slots().layers[layer];
    const std::size_t h = c.hidden();
    const std::size_t f = c.width();
    route(c, slots, normed, saved);
    const std::size_t rows = saved.plan.source.size();
    const float* in = gatherRows(c, normed, saved.plan);
    float* gate = saved.expert_gate.atLeast(rows * f);
    float* up = saved.expert_up.atLeast(rows * f);
    float* hidden = c.scratch.expert_hidden.atLeast(rows * f);
    float* out = saved.expert_out.atLeast(rows * h);
    std::vector<kernels::LinearTask>& tasks = c.scratch.tasks;
    tasks.clear();
    forExperts(saved.plan, [&](std::size_t e, std::size_t first, std::size_t count) {
        const float* x = in + first * h;
        tasks.push_back({x, h, count, c.matrix(slots.experts[e].gate, f, h), gate + first * f, f});
        tasks.push_back({x, h, count, c.matrix(slots.experts[e].up, f, h), up + first * f, f});
    });
    c.products.linear(tasks, c.queue);
    c.ops.swiglu({gate, up, hidden, rows * f}, c.queue);
    tasks.clear();
    forExperts(saved.plan, [&](std::size_t e, std::size_t first, std::size_t count) {
        tasks.push_back({hidden + first * f, f, count, c.matrix(slots.experts[e].down, h, f), out + first * h, h});
    });
    c.products.linear(tasks, c.queue);
    c.ops.combine({out, saved.slots.data(), saved.weights.data(), c.rows, c.topK(), h, branch}, c.queue);
}

double expertsBackward(LayerContext& c, std::size_t layer, const float* normed, LayerActivations& saved,
                       const float* dbranch, float* dnormed, double balance) {
    const LayerSlots& slots = c.model.layout().slots().layers[layer];
    const std::size_t h = c.hidden();
    const std::size_t top_k = c.topK();
    const std::size_t choices = c.rows * top_k;
    const float* in = gatherRows(c, normed, saved.plan);
    float* dexpert_out = c.scratch.expert_gradient.atLeast(choices * h);
    float* dweights = c.scratch.weight_gradient.atLeast(choices);
    c.grads.combine({saved.expert_out.data(), saved.slots.data(), saved.weights.data(), dbranch, c.rows, top_k, h,
                     dexpert_out, dweights},
                    c.queue);
    const float* dexpert_in = expertGradients(c, slots, in, saved, dexpert_out);
    c.grads.scatter({dexpert_in, saved.slots.data(), c.rows, top_k, h, dnormed}, c.queue);

    float* dlogits = c.scratch.logits_gradient.atLeast(c.rows * c.experts());
    c.grads.route({saved.ids.data(), saved.weights.data(), dweights, c.rows, c.experts(), top_k, dlogits}, c.queue);
    const double loss = addBalance(c, saved, balance, dlogits);
    const auto router = c.weightTask(dlogits, c.experts(), normed, slots.router, c.experts(), h);
    c.grads.linear_weight({&router, 1}, c.queue);
    const kernels::LinearInputGrad into{dlogits, c.experts(), c.rows, c.weight(slots.router), c.experts(), h,
                                        dnormed, h,           true};
    c.grads.linear_input({&into, 1}, c.queue);
    return loss;
}

} // namespace fulgurite
