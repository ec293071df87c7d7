//! What both sides of a channel can do, written once, and what all handles show of themselves.

// Needs: nothing.

/// What both sides of a channel can do, written once.
macro_rules! either_side {
    ($Side:ident) => {
        impl<T> $Side<T> {
            /// Closes the channel: from now on every send is refused, and receivers take what is left. True for the
            /// call that closed it, false if it was closed or one side was gone.
            ///
            /// Does not block, and wakes everyone who waits: a blocked send gets its value back. A timer, and a token's receiver,
            /// cannot be closed: false.
            ///
            /// # Happens-before
            /// HB-CH-3.
            ///
            /// # Example
            /// ```
            /// let (sender, receiver) = hence::channel::bounded(1);
            /// sender.send(1).unwrap();
            /// assert!(receiver.close());
            /// assert!(!sender.close());
            /// assert!(sender.send(2).is_err());
            /// assert_eq!(receiver.recv(), Ok(1));
            /// assert!(receiver.recv().is_err());
            /// ```
            pub fn close(&self) -> bool {
                self.on(Core::close, |_, _| false)
            }

            /// Whether sends are refused: the channel was closed, or one side is gone. Once true, always true.
            ///
            /// # Example
            /// ```
            /// let (sender, receiver) = hence::channel::bounded::<u8>(1);
            /// assert!(!sender.is_closed());
            /// drop(receiver);
            /// assert!(sender.is_closed());
            /// ```
            pub fn is_closed(&self) -> bool {
                self.has_ended()
            }

            /// The number of values in the channel, at some moment during the call. A blocked sender's value is not
            /// in the channel.
            ///
            /// # Example
            /// ```
            /// let (sender, receiver) = hence::channel::unbounded();
            /// sender.send(1).unwrap();
            /// assert_eq!(receiver.len(), 1);
            /// ```
            pub fn len(&self) -> usize {
                self.on(Core::len, |due, _| due)
            }

            /// Whether there is no value in the channel.
            ///
            /// # Example
            /// ```
            /// let (sender, _receiver) = hence::channel::bounded::<u8>(1);
            /// assert!(sender.is_empty());
            /// ```
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether there is no room for a value. A rendezvous channel is always full.
            ///
            /// # Example
            /// ```
            /// let (sender, _receiver) = hence::channel::bounded::<u8>(0);
            /// assert!(sender.is_full() && sender.is_empty());
            /// ```
            pub fn is_full(&self) -> bool {
                self.on(Core::is_full, |due, capacity| due >= capacity)
            }

            /// How many values the channel holds at most; `None` if it is unbounded.
            ///
            /// # Example
            /// ```
            /// let (sender, _receiver) = hence::channel::bounded::<u8>(5);
            /// assert_eq!(sender.capacity(), Some(5));
            /// ```
            pub fn capacity(&self) -> Option<usize> {
                self.on(|core| core.capacity, |_, capacity| Some(capacity))
            }
        }

        impl<T> UnwindSafe for $Side<T> {}
        impl<T> RefUnwindSafe for $Side<T> {}
    };
}

/// Shows that it is there, and nothing of the values, which may have nothing to show.
macro_rules! opaque {
    ($($Type:ty, $name:literal;)+) => {
        $(impl<T> std::fmt::Debug for $Type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(concat!($name, " { .. }"))
            }
        })+
    };
}
