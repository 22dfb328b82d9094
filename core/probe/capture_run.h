// SPDX-License-Identifier: Apache-2.0
// Takes a capture: replays given tokens through the model (teacher-forced), chunk by chunk, and records the plan
// into a file. Recording never changes a token: the pass is the one that generation makes, with a tap beside it.
#pragma once

#include "core/model/hybrid_model.h"
#include "core/probe/capture_plan.h"
#include "kernels/pool.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace fulgurite::probe {

// What is replayed and where it comes from.
struct CaptureSource {
    std::vector<capture::CapturedToken> tokens; // id, special, sampled
    std::vector<std::string> vocabulary;        // bytes of every token id; empty: the model has no tokenizer
    std::string model;                          // served name
    std::string model_hash;                     // modelHash()
};

// Completes the plan's info: names, hashes, date, settings. They are part of the file, so the exact size is that of
// a plan that was completed; any tokens hash is as long as any other.
void describeSource(CapturePlan& plan, const CaptureSource& source);
void describePlan(CapturePlan& plan, const std::string& model, const std::string& model_hash,
                  const std::string& tokens_hash);

// Name of the capture by its content: model, tokens, plan, and which tokens are marked as written by the model.
// Equal requests give equal names.
std::string captureId(const CapturePlan& plan, std::span<const capture::CapturedToken> marks = {});

std::uint64_t vocabularyBytes(std::span<const std::string> vocabulary);

// One capture under way. Not synchronised; steps may come from different threads, one at a time.
class CaptureRun {
  public:
    // Reserves the file at `path`; nothing of that name exists before finish(). Throws Error{InvalidInput} for a
    // token outside the vocabulary, Error{Io} when the disk has no room.
    CaptureRun(std::shared_ptr<const HybridModel> model, CapturePlan plan, const CaptureSource& source,
               const std::filesystem::path& path);
    ~CaptureRun(); // an unfinished run leaves nothing behind

    // Runs the next tokens, about `budget` of them: fewer where many query positions would take much memory.
    void step(kernels::ThreadPool& pool, std::size_t budget);
    std::size_t done() const; // tokens
    std::size_t total() const;

    // When all tokens are done: writes the figures, syncs and names the file. Returns its bytes.
    std::uint64_t finish();

  private:
    class Parts;
    std::unique_ptr<Parts> parts_;
};

// A turn at the model: calls the work once, on whichever thread owns the pool, with the number of tokens it may
// run, and returns when it is done. What the work throws comes out of it.
using ModelWork = std::function<void(kernels::ThreadPool& pool, std::size_t budget)>;
using ModelTurn = std::function<void(const ModelWork& work)>;

// A turn for whoever has the model to himself.
ModelTurn ownTurn(kernels::ThreadPool& pool, std::size_t chunk = 256);

// Steps to the end. `progress` after each step: tokens done. Throws Error{Cancelled} once `stop` asks for it.
// Returns the file's bytes.
std::uint64_t runCapture(CaptureRun& run, const ModelTurn& turn, const std::function<void(std::size_t)>& progress,
                         const std::stop_token& stop = {});

} // namespace fulgurite::probe
