// SPDX-License-Identifier: GPL-3.0-or-later
// The text of a capture's tokens, fetched in blocks as views ask for them.
#pragma once

#include "core/probe/capture/views.h"

#include <QObject>
#include <QString>

#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

namespace fulgurite {

class InspectionSource;

// What is known of the texts at one moment; may be read on any thread.
class CapturedSnapshot {
  public:
    const capture::CapturedToken* token(std::size_t position) const;
    QString text(std::size_t position) const;

  private:
    friend class CapturedTexts;
    using Block = std::shared_ptr<const std::vector<capture::CapturedToken>>;
    std::unordered_map<std::size_t, Block> blocks_;
};

class CapturedTexts : public QObject {
    Q_OBJECT

  public:
    using QObject::QObject;

    // Forgets what it had. The source must outlive the next call; nullptr: none.
    void setSource(InspectionSource* source);
    // Null while it is not there yet; then it is fetched, and arrived() tells.
    const capture::CapturedToken* token(std::size_t position);
    QString text(std::size_t position); // empty while it is not there
    // Of `count` tokens from `first`; what is not there yet is left out.
    QString joined(std::size_t first, std::size_t count);
    // Asks for all of a text of up to kMostBlocks blocks, one block after the other.
    void fetchAll();
    const CapturedSnapshot& snapshot() const { return known_; }

  signals:
    void arrived(std::size_t first, std::size_t count);

  private:
    friend class CapturedSnapshot;
    static constexpr std::size_t kBlock = 2048;
    static constexpr std::size_t kMostBlocks = 256; // half a million tokens; then all are forgotten

    void ask(std::size_t block);

    InspectionSource* source_ = nullptr;
    std::uint64_t generation_ = 0; // of the source
    CapturedSnapshot known_;
    std::set<std::size_t> asked_;
    bool fetching_all_ = false;
};

} // namespace fulgurite
