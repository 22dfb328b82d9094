// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/captured_texts.h"

#include "ui/inspect/inspection_source.h"

#include <QPointer>

#include <algorithm>

namespace fulgurite {
namespace {

QString fromBytes(const std::string& bytes) {
    return QString::fromUtf8(bytes.data(), static_cast<qsizetype>(bytes.size()));
}

} // namespace

const capture::CapturedToken* CapturedSnapshot::token(std::size_t position) const {
    const auto found = blocks_.find(position / CapturedTexts::kBlock);
    const std::size_t index = position % CapturedTexts::kBlock;
    return found != blocks_.end() && index < found->second->size() ? &(*found->second)[index] : nullptr;
}

QString CapturedSnapshot::text(std::size_t position) const {
    const capture::CapturedToken* found = token(position);
    return found ? fromBytes(found->text) : QString();
}

void CapturedTexts::setSource(InspectionSource* source) {
    source_ = source;
    ++generation_;
    known_.blocks_.clear();
    asked_.clear();
    fetching_all_ = false;
}

void CapturedTexts::ask(std::size_t block) {
    if (known_.blocks_.size() >= kMostBlocks) {
        known_.blocks_.clear();
        asked_ = {block};
    }
    const std::size_t first = block * kBlock;
    const std::size_t count = std::min(kBlock, source_->info().tokens - first);
    source_->tokens(first, count,
                    [self = QPointer(this), generation = generation_, block,
                     first](const client::Outcome<std::vector<capture::CapturedToken>>& outcome) {
                        if (!self || generation != self->generation_) {
                            return;
                        }
                        if (!outcome.ok()) {
                            // Asked again when somebody next wants it: a node may come back.
                            self->asked_.erase(block);
                            self->fetching_all_ = false;
                            return;
                        }
                        using Tokens = std::vector<capture::CapturedToken>;
                        self->known_.blocks_[block] = std::make_shared<const Tokens>(outcome.value());
                        emit self->arrived(first, outcome.value().size());
                        if (self->fetching_all_) {
                            self->fetchAll();
                        }
                    });
}

void CapturedTexts::fetchAll() {
    fetching_all_ = false;
    if (!source_) {
        return;
    }
    const std::size_t blocks = (source_->info().tokens + kBlock - 1) / kBlock;
    for (std::size_t block = 0; block < std::min(blocks, kMostBlocks); ++block) {
        if (asked_.insert(block).second) {
            fetching_all_ = true;
            ask(block);
            return;
        }
    }
}

const capture::CapturedToken* CapturedTexts::token(std::size_t position) {
    if (!source_ || position >= source_->info().tokens) {
        return nullptr;
    }
    if (const capture::CapturedToken* found = known_.token(position)) {
        return found;
    }
    if (asked_.insert(position / kBlock).second) {
        ask(position / kBlock);
    }
    return known_.token(position);
}

QString CapturedTexts::text(std::size_t position) {
    const capture::CapturedToken* found = token(position);
    return found ? fromBytes(found->text) : QString();
}

QString CapturedTexts::joined(std::size_t first, std::size_t count) {
    std::string bytes; // characters may be split between tokens
    for (std::size_t i = first; i < first + count; ++i) {
        if (const capture::CapturedToken* found = token(i)) {
            bytes += found->text;
        }
    }
    return fromBytes(bytes);
}

} // namespace fulgurite
