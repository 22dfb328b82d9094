// SPDX-License-Identifier: Apache-2.0
// A sub-command of fulgurite-engine: one file each, registered in main.cpp.
#pragma once

#include <CLI/CLI.hpp>

namespace fulgurite::app {

// Exit statuses of every sub-command.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1; // it ran and failed: the message says what and where
inline constexpr int kExitUsage = 2;   // the command line is wrong
inline constexpr int kExitInterrupted = 130;

// Each adds its sub-command to `app`; the sub-command's callback does the work and throws Error on failure.
void addBench(CLI::App& app);
void addCascade(CLI::App& app);
void addChat(CLI::App& app);
void addCompletion(CLI::App& app);
void addConvert(CLI::App& app);
void addDoctor(CLI::App& app);
void addEmbed(CLI::App& app);
void addEval(CLI::App& app);
void addImportRun(CLI::App& app);
void addIndex(CLI::App& app);
void addInspect(CLI::App& app);
void addManual(CLI::App& app);
void addQuery(CLI::App& app);
void addRun(CLI::App& app);
void addScore(CLI::App& app);
void addServe(CLI::App& app);
void addToken(CLI::App& app);
void addTokenize(CLI::App& app);
void addTrain(CLI::App& app);

} // namespace fulgurite::app
